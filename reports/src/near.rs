//! What a mistyped name was probably meant to be, and what could stand in its place, for error messages.
//! It knows no name: the caller brings those that are allowed.

/// Below this likeness (Jaro-Winkler, 0 to 1) a guess confuses more than it helps.
const ALIKE: f64 = 0.8;

/// `did you mean latency? expected one of latency, error_rate`, without the question when nothing is alike.
pub fn expected_one_of(known: &[&str], found: &str) -> String {
    let all = format!("expected one of {}", known.join(", "));
    match nearest(known, found) {
        Some(name) => format!("did you mean {name}? {all}"),
        None => all,
    }
}

/// The name that was probably meant.
pub fn nearest<'names>(known: &[&'names str], found: &str) -> Option<&'names str> {
    let alike = known.iter().map(|name| (strsim::jaro_winkler(name, found), *name));
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["latency", "error_rate", "availability"];
        for (found, expected) in [
            ("latnecy", "did you mean latency? expected one of latency, error_rate, availability"),
            ("availabilty", "did you mean availability? expected one of latency, error_rate, availability"),
            ("colour", "expected one of latency, error_rate, availability"),
        ] {
            assert_eq!(expected_one_of(&known, found), expected);
        }
        assert_eq!(expected_one_of(&[], "any"), "expected one of ");
    }
}
