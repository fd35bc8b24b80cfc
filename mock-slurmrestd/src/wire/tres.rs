//! Trackable resources as text: `cpu=4,mem=4G,node=1,billing=4,gres/gpu=2,gres/gpu:h100=2`.
//! Not here: parsing, or the counts themselves.

use super::json::{Json, Sink, key};
use crate::cluster::tres::TresKind;
use std::fmt::Write;

/// Counts of one thing; what is zero is left out, as Slurm does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tres<'a> {
    pub(super) cpus: u64,
    pub(super) memory_mb: u64,
    pub(super) nodes: u64,
    pub(super) billing: u64,
    pub(super) gpus: u64,
    /// By model, as far as it is known: one more entry for each.
    pub(super) gpu_models: &'a [(&'static str, u64)],
}

impl Tres<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(80);
        add(&mut text, "cpu", self.cpus);
        if self.memory_mb > 0 {
            text.push_str(if text.is_empty() { "mem=" } else { ",mem=" });
            text.push_str(&memory(self.memory_mb));
        }
        add(&mut text, "node", self.nodes);
        add(&mut text, "billing", self.billing);
        add(&mut text, "gres/gpu", self.gpus);
        for (model, count) in self.gpu_models {
            add(&mut text, &format!("gres/gpu:{model}"), *count);
        }
        text
    }
}

fn add(text: &mut String, name: &str, count: u64) {
    if count > 0 {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}{name}={count}").expect("a String takes any text");
    }
}

/// Megabytes in the largest unit that shows them without loss, with halves at most: `250G`, `312.50T`, `1025M`.
fn memory(megabytes: u64) -> String {
    let (mut whole, mut halves, mut unit) = (megabytes, 0, 0);
    while whole >= 1_024 && whole % 512 == 0 && halves == 0 && unit < 3 {
        halves = whole / 512 % 2;
        whole /= 1_024;
        unit += 1;
    }
    let letter = ["M", "G", "T", "P"][unit];
    if halves == 0 { format!("{whole}{letter}") } else { format!("{whole}.50{letter}") }
}

/// `gres/gpu:h100`, or the type alone.
pub(super) fn full_name(kind: &TresKind) -> String {
    if kind.name.is_empty() { kind.kind.to_owned() } else { format!("{}/{}", kind.kind, kind.name) }
}

/// An entry of a list of TRES as slurmdbd has them. `None` is NO_VAL64, which is written as -2, in v0.0.38 as null.
pub(super) fn entry<S: Sink>(json: &mut Json<'_, S>, kind: &TresKind, count: Option<u64>) {
    json.open_element();
    json.str(key!("type"), kind.kind);
    json.text(key!("name"), &kind.name);
    json.int(key!("id"), kind.id);
    match count {
        None if !json.is_plain() => json.signed(key!("count"), -2),
        count => json.int_or_null(key!("count"), count),
    }
    json.close_object();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_as_in_the_recordings() {
        let cases = [
            (4_096, "4G"),
            (256_000, "250G"),
            (1_024_000, "1000G"),
            (4_096_000, "4000G"),
            (12_288_000, "12000G"),
            (327_680_000, "312.50T"),
            (179_200_000, "175000G"),
            (714_240_000, "697500G"),
            (1_025, "1025M"),
        ];
        for (megabytes, expected) in cases {
            assert_eq!(memory(megabytes), expected);
        }
    }

    #[test]
    fn what_is_zero_is_left_out() {
        let tres =
            Tres { cpus: 8, memory_mb: 65_536, nodes: 1, billing: 8, gpus: 2, gpu_models: &[("h100", 2)] };
        assert_eq!(tres.text(), "cpu=8,mem=64G,node=1,billing=8,gres/gpu=2,gres/gpu:h100=2");
        assert_eq!(Tres { cpus: 7, memory_mb: 256_000, ..Tres::default() }.text(), "cpu=7,mem=250G");
        assert_eq!(Tres::default().text(), "");
    }
}
