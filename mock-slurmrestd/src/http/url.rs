//! What slurmrestd takes for a path and for a query: letters, digits and few signs; all else has to be percent-encoded.
//! Not here: what paths and parameters mean (router.rs, query.rs).

/// The parts of a path, decoded. Doubled and trailing slashes are fine.
pub(super) fn path(text: &str) -> Option<Vec<String>> {
    text.split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, "")).collect()
}

/// Names and values, decoded, in order; a name may stand alone.
pub(super) fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(['&', ';']).filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let pair = (decoded(name, "+")?, decoded(value, "+")?);
        (!pair.0.is_empty()).then_some(pair)
    };
    parts.map(pair).collect()
}

/// `more` are signs that are taken as well.
fn decoded(text: &str, more: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                after
            }
            (b'+', _) if more.contains('+') => {
                bytes.push(b' ');
                tail
            }
            (letter, _) if letter.is_ascii_alphanumeric() || b"-._~".contains(letter) => {
                bytes.push(*letter);
                tail
            }
            _ => return None,
        };
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_part_by_part() {
        let parts = |text| path(text).map(|parts| parts.join("|"));
        assert_eq!(parts("//slurm/v0.0.42//%70ing/").as_deref(), Some("slurm|v0.0.42|ping"));
        assert_eq!(parts("/a%20b/c%2Fd").as_deref(), Some("a b|c/d"));
        for bad in ["/a,b", "/a+b", "/a%zz", "/a%2", "/a[1]"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_are_decoded_and_an_open_comma_is_not_taken() {
        let all = parameters("update_time=7&a%2Cb=x+y;flag&&").unwrap();
        let pairs: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("update_time", "7"), ("a,b", "x y"), ("flag", "")]);
        for bad in ["job_id=1,2,3", "a=b=c", "=1", "a=%zz", "a=1:2", "a=x/y"] {
            assert_eq!(parameters(bad), None, "{bad}");
        }
    }
}
