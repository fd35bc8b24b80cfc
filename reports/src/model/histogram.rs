//! A latency histogram that survives JSON without loss: HdrHistogram's V2 encoding, deflated, in base64.
//! It is for durations only; counts and sizes are plain numbers in the record.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Smallest recorded latency, in microseconds; below it counts as this.
pub const LOWEST_MICROS: u64 = 1;
/// Largest recorded latency (120 s), in microseconds; above it counts as this.
pub const HIGHEST_MICROS: u64 = 120_000_000;
/// Significant decimal digits that are kept.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Latencies from 1 us to 120 s with three significant digits, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Encoded", into = "Encoded")]
#[schemars(with = "Encoded")]
pub struct LatencyHistogram(Histogram<u64>);

/// The JSON form: summary fields for people and `jq`, `hdr` for machines. Only `hdr` is read back.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Encoded {
    unit: String,
    count: u64,
    p50: u64,
    p95: u64,
    p99: u64,
    max: u64,
    /// HdrHistogram V2, deflated, base64.
    hdr: String,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(LOWEST_MICROS, HIGHEST_MICROS, SIGNIFICANT_DIGITS)
            .expect("the bounds are constants that HdrHistogram accepts");
        Self(histogram)
    }
}

impl LatencyHistogram {
    /// Records one latency, clamped to the histogram's bounds.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.clamp(LOWEST_MICROS, HIGHEST_MICROS));
    }

    /// Adds all counts of `other`; exact, since the bounds are the same everywhere.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all latency histograms have the same bounds");
    }

    /// The number of recorded latencies.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that the fraction `quantile` (0 to 1) does not exceed; `None` when nothing was recorded.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.value_at_quantile(quantile)))
    }

    /// The largest latency; `None` when nothing was recorded.
    pub fn max(&self) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_micros(self.0.max()))
    }

    /// The mean latency; `None` when nothing was recorded.
    pub fn mean(&self) -> Option<Duration> {
        (!self.0.is_empty()).then(|| Duration::from_secs_f64(self.0.mean() / 1e6))
    }

    /// Reads HdrHistogram's V2 encoding in base64, as it stands in records and interval logs.
    ///
    /// # Errors
    /// In words, when it is something else or has values out of bounds.
    pub fn decode(base64: &str) -> Result<Self, String> {
        let bytes = BASE64.decode(base64).map_err(|error| format!("hdr is not base64: {error}"))?;
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| format!("hdr is not an HdrHistogram V2: {error:?}"))?;
        // Bounds from a file are not trusted: merging needs ours.
        let mut histogram = Self::default();
        histogram.0.add(&read).map_err(|error| format!("hdr has values out of 1 us to 120 s: {error:?}"))?;
        Ok(histogram)
    }

    /// The underlying histogram, in microseconds, for interval logs and plots.
    pub fn hdr(&self) -> &Histogram<u64> {
        &self.0
    }
}

impl From<LatencyHistogram> for Encoded {
    fn from(histogram: LatencyHistogram) -> Self {
        let hdr = &histogram.0;
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(hdr, &mut bytes)
            .expect("writing a histogram to memory cannot fail");
        let at = |quantile| if hdr.is_empty() { 0 } else { hdr.value_at_quantile(quantile) };
        Self {
            unit: "us".into(),
            count: hdr.len(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: hdr.max(),
            hdr: BASE64.encode(bytes),
        }
    }
}

impl TryFrom<Encoded> for LatencyHistogram {
    type Error = String;

    fn try_from(encoded: Encoded) -> Result<Self, Self::Error> {
        Self::decode(&encoded.hdr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_json_without_loss() {
        let mut before = LatencyHistogram::default();
        for micros in [1, 999, 1_000_000, 119_000_000] {
            before.record(Duration::from_micros(micros));
        }
        let json = serde_json::to_string(&before).unwrap();
        let after: LatencyHistogram = serde_json::from_str(&json).unwrap();
        assert_eq!(before, after);
        assert_eq!(after.count(), 4);
    }

    #[test]
    fn latencies_out_of_bounds_count_as_the_bound() {
        let mut histogram = LatencyHistogram::default();
        histogram.record(Duration::ZERO);
        histogram.record(Duration::from_secs(500));
        assert_eq!(histogram.count(), 2);
        assert!(histogram.max() >= Some(Duration::from_secs(119)));
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(LatencyHistogram::default().quantile(0.5), None);
    }

    #[test]
    fn a_broken_encoding_is_an_error() {
        let broken = r#"{"unit":"us","count":1,"p50":1,"p95":1,"p99":1,"max":1,"hdr":"AAAA"}"#;
        assert!(serde_json::from_str::<LatencyHistogram>(broken).unwrap_err().to_string().contains("hdr"));
    }
}
