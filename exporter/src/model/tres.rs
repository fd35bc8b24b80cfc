//! Trackable resources as Slurm writes them: `cpu=4,mem=64G,gres/gpu:h100=2`, and gres lists `gpu:h100:8(S:0-1)`.
//! Numbers come out in base units; text that makes no sense is skipped, never guessed.

/// A count of one generic resource. `kind` is empty when Slurm did not name a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GresItem<'a> {
    /// `gpu`, `shard`, `mps`, `craynetwork`, ...
    pub name: &'a str,
    /// `h100`, or empty.
    pub kind: &'a str,
    pub count: u64,
}

/// The resources of one TRES string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tres<'a> {
    pub cpus: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub nodes: Option<u64>,
    /// As written: a typed entry may stand beside the untyped total of the same name.
    pub gres: Vec<GresItem<'a>>,
}

impl<'a> Tres<'a> {
    /// Reads a TRES string; empty text gives no resources. A number without a unit is MiB for memory.
    pub fn parse(text: &'a str) -> Self {
        let mut tres = Self::default();
        for (name, value) in text.split(',').filter_map(|item| item.split_once('=')) {
            match name {
                "cpu" => tres.cpus = parse_count(value),
                "mem" => tres.memory_bytes = parse_memory(value),
                "node" => tres.nodes = parse_count(value),
                _ => {
                    if let (Some(gres), Some(count)) = (name.strip_prefix("gres/"), parse_count(value)) {
                        let (name, kind) = gres.split_once(':').unwrap_or((gres, ""));
                        tres.gres.push(GresItem { name, kind, count });
                    }
                }
            }
        }
        settle(&mut tres.gres);
        tres.gres = merge_untyped(tres.gres);
        tres
    }
}

/// Reads a node's gres list: `gpu:h100:8(S:0-1),shard:16`, used form `gpu:h100:6(IDX:0-5)`.
pub fn parse_gres(text: &str) -> Vec<GresItem<'_>> {
    let mut items: Vec<GresItem<'_>> = Vec::new();
    for item in split_outside_brackets(text) {
        let item = item.split_once('(').map_or(item, |(before, _)| before);
        let mut parts = item.split(':');
        let name = parts.next().unwrap_or_default();
        let (kind, count) = match (parts.next(), parts.next()) {
            (Some(kind), Some(count)) => (kind, parse_count(count)),
            // Of two parts the second is a count when it is a number, else a type with one of it.
            (Some(only), None) => match parse_count(only) {
                Some(count) => ("", Some(count)),
                None => (only, Some(1)),
            },
            _ => ("", Some(1)),
        };
        if let (false, Some(count)) = (name.is_empty() || name == "(null)", count) {
            match items.iter_mut().find(|known| known.name == name && known.kind == kind) {
                Some(known) => known.count = known.count.saturating_add(count),
                None => items.push(GresItem { name, kind, count }),
            }
        }
    }
    merge_untyped(items)
}

/// A type that a site has named `any` is the untyped one, so that no two series carry the same label.
fn merge_untyped(items: Vec<GresItem<'_>>) -> Vec<GresItem<'_>> {
    let mut merged: Vec<GresItem<'_>> = Vec::with_capacity(items.len());
    for mut item in items {
        if item.kind == "any" {
            item.kind = "";
        }
        match merged.iter_mut().find(|known| known.name == item.name && known.kind == item.kind) {
            Some(known) => known.count = known.count.saturating_add(item.count),
            None => merged.push(item),
        }
    }
    merged
}

/// Where typed entries stand beside the untyped total of the same name, leaves the remainder untyped.
fn settle(items: &mut Vec<GresItem<'_>>) {
    for index in 0..items.len() {
        if items[index].kind.is_empty() {
            let name = items[index].name;
            let typed = items.iter().filter(|item| item.name == name && !item.kind.is_empty());
            let typed = typed.fold(0_u64, |sum, item| sum.saturating_add(item.count));
            items[index].count = items[index].count.saturating_sub(typed);
        }
    }
    items.retain(|item| item.count > 0);
}

fn split_outside_brackets(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |letter| {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .filter(|item| !item.is_empty())
}

/// `8`, `4K` (gres counts may carry a binary unit).
fn parse_count(text: &str) -> Option<u64> {
    if let Ok(count) = text.parse() {
        return Some(count);
    }
    scaled(text, 1)
}

/// `4G`, `64000M`, `1.50T`, `512` (MiB) in bytes.
pub fn parse_memory(text: &str) -> Option<u64> {
    scaled(text, 1 << 20)
}

/// A number with an optional binary unit; without one it counts `plain` each.
fn scaled(text: &str, plain: u64) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (&text[..text.len() - 1], 1 << 10),
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'G' => (&text[..text.len() - 1], 1 << 30),
        b'T' => (&text[..text.len() - 1], 1 << 40),
        b'P' => (&text[..text.len() - 1], 1_u64 << 50),
        b'B' => (&text[..text.len() - 1], 1),
        _ => (text, plain),
    };
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let fraction: f64 = digits.parse().ok()?;
    // Above 2^63 a TRES is NO_VAL64 in disguise, not a resource.
    let bytes = fraction * unit as f64;
    (0.0..9.2e18).contains(&bytes).then_some(bytes as u64)
}

/// Whether a type names a slice of a GPU (MIG), which is no whole GPU, by its profile: `1g.10gb`, `a100_3g.20gb`, `nvidia_h100_1g.12gb`.
pub fn is_gpu_slice(kind: &str) -> bool {
    kind.split('_').any(|part| {
        part.split_once("g.").is_some_and(|(compute, memory)| {
            let memory = memory.split_once("gb").map(|(memory, _)| memory);
            is_number(compute) && memory.is_some_and(is_number)
        })
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gres(text: &str) -> Vec<(&str, &str, u64)> {
        parse_gres(text).into_iter().map(|item| (item.name, item.kind, item.count)).collect()
    }

    fn tres_gres(text: &str) -> Vec<(&str, &str, u64)> {
        Tres::parse(text).gres.into_iter().map(|item| (item.name, item.kind, item.count)).collect()
    }

    #[test]
    fn a_tres_string_comes_out_in_base_units() {
        let tres = Tres::parse("cpu=12,mem=12000G,node=12,billing=12,gres/gpu=96");
        assert_eq!(tres.cpus, Some(12));
        assert_eq!(tres.memory_bytes, Some(12_000 << 30));
        assert_eq!(tres.nodes, Some(12));
        assert_eq!(tres.gres, [GresItem { name: "gpu", kind: "", count: 96 }]);
        assert_eq!(Tres::parse(""), Tres::default());
    }

    #[test]
    fn memory_units_vary() {
        assert_eq!(parse_memory("4G"), Some(4 << 30));
        assert_eq!(parse_memory("64000M"), Some(64_000 << 20));
        assert_eq!(parse_memory("512"), Some(512 << 20));
        assert_eq!(parse_memory("1.5T"), Some(3 << 39));
        assert_eq!(parse_memory("no"), None);
        assert_eq!(parse_memory(""), None);
        assert_eq!(parse_memory("-2"), None);
    }

    #[test]
    fn typed_gpus_count_once_beside_their_untyped_total() {
        assert_eq!(tres_gres("gres/gpu=6,gres/gpu:h100=6"), [("gpu", "h100", 6)]);
        assert_eq!(tres_gres("gres/gpu=6,gres/gpu:h100=4"), [("gpu", "", 2), ("gpu", "h100", 4)]);
        assert_eq!(tres_gres("gres/gpu:a100=1,gres/gpu:h100=2"), [("gpu", "a100", 1), ("gpu", "h100", 2)]);
    }

    #[test]
    fn node_gres_lists_are_read_with_and_without_types() {
        assert_eq!(gres("gpu:h100:8"), [("gpu", "h100", 8)]);
        assert_eq!(gres("gpu:h100:8(S:0-1)"), [("gpu", "h100", 8)]);
        assert_eq!(gres("gpu:h100:6(IDX:0-5)"), [("gpu", "h100", 6)]);
        assert_eq!(gres("gpu:h100:0(IDX:N/A)"), [("gpu", "h100", 0)]);
        assert_eq!(gres("gpu:2,shard:16"), [("gpu", "", 2), ("shard", "", 16)]);
        assert_eq!(gres("gpu:h100:2(IDX:0,3),gpu:a30:1(IDX:1)"), [("gpu", "h100", 2), ("gpu", "a30", 1)]);
        assert_eq!(gres("gpu:tesla"), [("gpu", "tesla", 1)]);
        assert_eq!(gres("(null)"), []);
        assert_eq!(gres(""), []);
    }

    #[test]
    fn a_type_named_any_is_untyped() {
        assert_eq!(gres("gpu:2,gpu:any:2"), [("gpu", "", 4)]);
        assert_eq!(tres_gres("gres/gpu=6,gres/gpu:any=6"), [("gpu", "", 6)]);
    }

    #[test]
    fn counts_beyond_reason_do_not_overflow() {
        let most = u64::MAX;
        assert_eq!(gres(&format!("gpu:a:{most},gpu:a:1")), [("gpu", "a", most)]);
        assert_eq!(tres_gres(&format!("gres/gpu=1,gres/gpu:a={most},gres/gpu:b={most}")).len(), 2);
    }

    #[test]
    fn slices_are_told_by_their_profile() {
        for kind in ["1g.10gb", "a100_3g.20gb", "nvidia_h100_80gb_hbm3_1g.12gb", "1g.10gb+me"] {
            assert!(is_gpu_slice(kind), "{kind}");
        }
        for kind in ["", "h100", "a100_80gb", "gtx.gb", "g.gb", "tesla_v100-sxm2-32gb", "big.gb"] {
            assert!(!is_gpu_slice(kind), "{kind}");
        }
    }

    #[test]
    fn the_same_type_twice_is_added() {
        assert_eq!(gres("gpu:a100:4(S:0),gpu:a100:4(S:1)"), [("gpu", "a100", 8)]);
    }
}
