//! Reads `Accept` with its q-values (RFC 9110, 12.5.1) for the two formats that are served.
//! It never refuses: a client that accepts neither gets the text format.

use http::{HeaderMap, header::ACCEPT};

use super::accept_encoding::weight;
use crate::exposition::Format;

/// The format that the client likes best: OpenMetrics only for one that names it and likes it no less than text.
pub(super) fn preferred_format(headers: &HeaderMap) -> Format {
    let (mut openmetrics, mut text, mut any_text, mut any) = (None, None, None, None);
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut version) = (1.0_f32, None);
        for parameter in parts {
            match weight(parameter) {
                Some(weight) => quality = weight,
                None => version = version_of(parameter).or(version),
            }
        }
        let (slot, ours) = match range.as_str() {
            "application/openmetrics-text" => (&mut openmetrics, "1.0.0"),
            "text/plain" => (&mut text, "0.0.4"),
            "text/*" => (&mut any_text, ""),
            "*/*" => (&mut any, ""),
            _ => continue,
        };
        if version.is_none_or(|version| version == ours) {
            *slot = Some(slot.map_or(quality, |known: f32| known.max(quality)));
        }
    }
    let openmetrics = openmetrics.unwrap_or(0.0);
    let text = text.or(any_text).or(any).unwrap_or(0.0);
    if openmetrics > 0.0 && openmetrics >= text { Format::OpenMetrics } else { Format::Text }
}

fn version_of(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("version").then(|| value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_the_weights() {
        for (header, expected) in [
            // As Prometheus 2.42 sends it.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 3 with its default protocols (its scrape tests).
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
            // The same with native histograms: protobuf, which is not served, comes first.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
                 application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus before 2.34 knows only the draft.
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::Text,
            ),
            // Prometheus told to `scrape_protocols: [PrometheusText0.0.4]`.
            ("text/plain;version=0.0.4;q=0.3,*/*;q=0.2", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;q=0.9", Format::Text),
            ("text/plain;q=0, application/openmetrics-text;q=0.1", Format::OpenMetrics),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=nonsense", Format::Text),
            ("application/openmetrics-text;version=2.0.0", Format::Text),
            // A browser, curl.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text),
            ("*/*", Format::Text),
            ("text/*;q=0.9, application/openmetrics-text;q=0.8", Format::Text),
            ("", Format::Text),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, header.parse().unwrap());
            assert_eq!(preferred_format(&headers), expected, "{header:?}");
        }
        assert_eq!(preferred_format(&HeaderMap::new()), Format::Text);
    }
}
