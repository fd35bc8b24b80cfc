//! The interval log: one histogram per second and request name, as HDR V2 text that other tools read as well.
//! It knows neither where it lies nor what the figures mean.

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use reports::model::LatencyHistogram;

/// Before the request's name when the second belongs to the warm-up; a name has no dot.
const WARMUP: &str = "warmup.";

/// What one request name did in one second.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Interval {
    /// Seconds since the start of the run.
    pub(crate) offset: u32,
    pub(crate) warmup: bool,
    pub(crate) name: String,
    pub(crate) latency: LatencyHistogram,
}

/// An interval as it stands in a log. Its histogram is decoded when it is asked for: that takes some hundred times the
/// memory, and a log of an hour has thousands of them.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) offset: u32,
    pub(crate) warmup: bool,
    pub(crate) name: String,
    encoded: String,
}

impl Logged {
    /// # Errors
    /// In words, when it is no histogram of ours.
    pub(crate) fn latency(&self) -> Result<LatencyHistogram, String> {
        LatencyHistogram::decode(&self.encoded)
    }
}

/// Writes intervals as they come, in the order of time.
///
/// # Errors
/// The first one that comes instead of an interval; when a histogram cannot be written to memory.
pub(crate) fn write(
    start: SystemTime,
    intervals: impl Iterator<Item = io::Result<Interval>>,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment(
            "latencies in microseconds, one histogram per second and request name; warmup.* is not judged",
        )
        .with_start_time(start)
        .with_base_time(start)
        // The column "max" is in milliseconds.
        .with_max_value_divisor(1000.0)
        .begin_log_with(&mut bytes, &mut serializer)?;
    for interval in intervals {
        let Interval { offset, warmup, name, latency } = interval?;
        let tag = if warmup { format!("{WARMUP}{name}") } else { name };
        let offset = Duration::from_secs(offset.into());
        writer
            .write_histogram(latency.hdr(), offset, Duration::from_secs(1), Tag::new(&tag))
            .map_err(|error| io::Error::other(format!("interval log: {error:?}")))?;
    }
    Ok(bytes)
}

/// Reads all intervals, in the order of the log; `look` is shown the histogram of each.
///
/// # Errors
/// In words, with the number of the interval, when it is no log of ours.
pub(crate) fn read(
    log: &[u8],
    mut look: impl FnMut(&Logged, LatencyHistogram),
) -> Result<Vec<Logged>, String> {
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(log) {
        let number = intervals.len() + 1;
        let LogEntry::Interval(interval) = entry
            .map_err(|error| format!("no HDR interval log after {} intervals: {error:?}", number - 1))?
        else {
            continue;
        };
        let tag = interval.tag().ok_or_else(|| format!("interval {number} has no tag"))?;
        let (warmup, name) = match tag.as_str().strip_prefix(WARMUP) {
            Some(name) => (true, name),
            None => (false, tag.as_str()),
        };
        let offset = u32::try_from(interval.start_timestamp().as_secs())
            .map_err(|_| format!("interval {number} begins after 136 years"))?;
        let encoded = interval.encoded_histogram().to_owned();
        let logged = Logged { offset, warmup, name: name.to_owned(), encoded };
        look(&logged, logged.latency().map_err(|problem| format!("interval {number}: {problem}"))?);
        intervals.push(logged);
    }
    Ok(intervals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_exactly() {
        let mut latency = LatencyHistogram::default();
        for micros in [1, 1234, 5_000_000] {
            latency.record(Duration::from_micros(micros));
        }
        let intervals = [
            Interval { offset: 0, warmup: true, name: "a".into(), latency: latency.clone() },
            Interval { offset: 7, warmup: false, name: "b".into(), latency },
        ];
        let log = write(SystemTime::UNIX_EPOCH, intervals.iter().cloned().map(Ok)).unwrap();
        let mut seen = Vec::new();
        let logged = read(&log, |_, latency| seen.push(latency)).unwrap();
        assert_eq!(seen, intervals.each_ref().map(|interval| interval.latency.clone()));
        let again = logged.into_iter().map(|logged| Interval {
            latency: logged.latency().unwrap(),
            offset: logged.offset,
            warmup: logged.warmup,
            name: logged.name,
        });
        assert_eq!(again.collect::<Vec<_>>(), intervals);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        for (log, expected) in [
            ("a,b,c\n", "no HDR interval log after 0 intervals"),
            ("0.0,1.0,1.0,AAAA\n", "interval 1 has no tag"),
            ("Tag=a,0.0,1.0,1.0,AAAA\n", "interval 1: hdr is not an HdrHistogram V2"),
        ] {
            let problem = read(log.as_bytes(), |_, _| {}).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
