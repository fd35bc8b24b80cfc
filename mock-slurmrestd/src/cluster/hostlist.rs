//! Lists of node names in Slurm's short form: `cpu[0001-0004,0007],gpu0002`.
//! Not here: parsing them; nobody sends one to the simulator.

/// Joins names that are sorted within their prefix; numbers keep their width.
pub fn compress<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list = Hostlist::default();
    for name in names {
        list.add(name);
    }
    list.finish()
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
    use super::compress;

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
