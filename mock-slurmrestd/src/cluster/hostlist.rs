//! Lists of node names in Slurm's short form: `cpu[0001-0004,0007],gpu0002`.
//! Not here: whether nodes of these names exist.

/// Joins names that are sorted within their prefix; numbers keep their width.
pub fn compress<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list = Hostlist::default();
    for name in names {
        list.add(name);
    }
    list.finish()
}

/// The names in a list.
///
/// # Errors
/// One line that shows the list and what was expected.
pub fn expand(list: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let end = end_of_item(rest);
        let done = add_item(&rest[..end], &mut names);
        done.ok_or_else(|| format!("nodes {list}: expected names such as cpu0001 or cpu[0001-0004,0007]"))?;
        rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
    }
    if names.is_empty() { Err("nodes: expected at least one name".to_owned()) } else { Ok(names) }
}

/// Where the first item ends: at a comma outside of brackets.
fn end_of_item(list: &str) -> usize {
    let mut inside = false;
    let is_end = |c: char| {
        inside = (inside || c == '[') && c != ']';
        c == ',' && !inside
    };
    list.find(is_end).unwrap_or(list.len())
}

fn add_item(item: &str, names: &mut Vec<String>) -> Option<()> {
    const MOST: u64 = 1_000_000;
    let Some((prefix, rest)) = item.split_once('[') else {
        names.push(item.to_owned());
        return (!item.is_empty()).then_some(());
    };
    for range in rest.strip_suffix(']')?.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let width = first.len();
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last - first > MOST {
            return None;
        }
        names.extend((first..=last).map(|number| format!("{prefix}{number:0width$}")));
    }
    Some(())
}

#[derive(Default)]
struct Hostlist<'a> {
    done: String,
    prefix: &'a str,
    ranges: Vec<(&'a str, &'a str)>,
}

impl<'a> Hostlist<'a> {
    fn add(&mut self, name: &'a str) {
        let split = name.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
        let (prefix, number) = name.split_at(split);
        if prefix != self.prefix || number.is_empty() {
            self.flush();
            self.prefix = prefix;
        }
        match self.ranges.last_mut() {
            Some((_, last)) if last.len() == number.len() && follows(last, number) => *last = number,
            _ => self.ranges.push((number, number)),
        }
    }

    fn flush(&mut self) {
        if self.ranges.is_empty() {
            return;
        }
        if !self.done.is_empty() {
            self.done.push(',');
        }
        self.done.push_str(self.prefix);
        let brackets = self.ranges.len() > 1 || self.ranges[0].0 != self.ranges[0].1;
        if brackets {
            self.done.push('[');
        }
        for (index, (first, last)) in self.ranges.drain(..).enumerate() {
            if index > 0 {
                self.done.push(',');
            }
            self.done.push_str(first);
            if first != last {
                self.done.push('-');
                self.done.push_str(last);
            }
        }
        if brackets {
            self.done.push(']');
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        self.done
    }
}

fn follows(before: &str, after: &str) -> bool {
    match (before.parse::<u64>(), after.parse::<u64>()) {
        (Ok(before), Ok(after)) => before + 1 == after,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{compress, expand};

    #[test]
    fn a_list_gives_the_names_that_it_was_made_of() {
        for list in ["cpu0001", "cpu[0001,0003-0004]", "big0001,cpu[0009-0010],gpu0002"] {
            let names = expand(list).unwrap();
            assert_eq!(compress(names.iter().map(String::as_str)), list);
        }
        for list in ["", ",", "cpu[", "cpu[1-", "cpu[3-1]", "cpu[a]"] {
            assert!(expand(list).unwrap_err().contains("expected"), "{list}");
        }
    }

    #[test]
    fn runs_become_ranges_and_single_names_stay_plain() {
        let cases: [(&[&str], &str); 5] = [
            (&["cpu0001"], "cpu0001"),
            (&["cpu0001", "cpu0002", "cpu0003"], "cpu[0001-0003]"),
            (&["cpu0001", "cpu0003", "cpu0004"], "cpu[0001,0003-0004]"),
            (&["big0001", "cpu0009", "cpu0010", "gpu0002"], "big0001,cpu[0009-0010],gpu0002"),
            (&[], ""),
        ];
        for (names, expected) in cases {
            assert_eq!(compress(names.iter().copied()), expected);
        }
    }
}
