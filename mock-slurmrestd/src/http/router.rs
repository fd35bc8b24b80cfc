//! From a path and a query to what is asked for.
//! Not here: whether it may be asked, or the answer.

use crate::wire::{ApiVersion, Endpoint};
use std::ops::RangeInclusive;

/// A known path in a version that is served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    pub(super) api: ApiVersion,
    pub(super) endpoint: Endpoint,
    /// The query's parameters, decoded, in order.
    pub(super) query: Vec<(String, String)>,
}

/// `None` is what slurmrestd answers with 404 in plain text. Doubled and trailing slashes are fine.
pub(super) fn route(path: &str, query: Option<&str>, served: &RangeInclusive<ApiVersion>) -> Option<Route> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (Some("slurm"), Some(version)) = (parts.next(), parts.next()) else { return None };
    let api = version.parse().ok().filter(|api| served.contains(api))?;
    let endpoint = parts.collect::<Vec<_>>().join("/").parse().ok()?;
    Some(Route { api, endpoint, query: query.map(parameters).unwrap_or_default() })
}

fn parameters(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

/// Percent-decoding; what is not valid stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                after
            }
            (b'+', _) => {
                bytes.push(b' ');
                tail
            }
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: RangeInclusive<ApiVersion> = ApiVersion::V0_0_40..=ApiVersion::V0_0_45;

    #[test]
    fn paths_are_known_with_any_number_of_slashes() {
        for path in ["/slurm/v0.0.42/jobs/state", "//slurm//v0.0.42/jobs//state/"] {
            let route = route(path, None, &ALL).unwrap();
            assert_eq!((route.api, route.endpoint), (ApiVersion::V0_0_42, Endpoint::JobsState));
        }
    }

    #[test]
    fn what_is_not_served_is_unknown() {
        let window = ApiVersion::V0_0_42..=ApiVersion::V0_0_45;
        for path in
            ["/", "/slurm", "/slurm/v0.0.41/ping", "/slurm/v0.0.99/ping", "/slurm/v0.0.42/nope", "/metrics"]
        {
            assert_eq!(route(path, None, &window), None, "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let route = route("/slurm/v0.0.42/jobs", Some("update_time=7&a%2Fb=x+y&flag"), &ALL).unwrap();
        let pairs: Vec<_> = route.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("update_time", "7"), ("a/b", "x y"), ("flag", "")]);
    }
}
