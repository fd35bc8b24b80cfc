//! Reads `Accept-Encoding` with its q-values (RFC 9110, 12.5.3) for the two codings that are served.
//! It never refuses: a client that accepts neither gets identity.

use http::{HeaderMap, header::ACCEPT_ENCODING};

/// Whether gzip is accepted and not less welcome than an explicit `identity`.
pub(super) fn prefers_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(weight).unwrap_or(1.0);
        let slot = match coding {
            coding if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => {
                &mut gzip
            }
            coding if coding.eq_ignore_ascii_case("identity") => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        *slot = Some(weight);
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

/// The value of `q=`; one that does not parse counts as 0, so that nothing unreadable is sent.
pub(super) fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_follows_the_weights() {
        for (header, expected) in [
            ("", false),
            ("gzip", true),
            ("GZIP", true),
            ("deflate, br", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000, identity", false),
            ("gzip;q=0.5, identity;q=0.9", false),
            ("gzip; q=0.9 , identity;q=0.5", true),
            ("identity;q=1, gzip;q=1", true),
            ("*", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", true),
            ("gzip;q=nonsense", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, header.parse().unwrap());
            assert_eq!(prefers_gzip(&headers), expected, "{header:?}");
        }
        assert!(!prefers_gzip(&HeaderMap::new()));
    }

    #[test]
    fn several_headers_count_as_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT_ENCODING, "br".parse().unwrap());
        headers.append(ACCEPT_ENCODING, "gzip;q=0.2".parse().unwrap());
        assert!(prefers_gzip(&headers));
    }
}
