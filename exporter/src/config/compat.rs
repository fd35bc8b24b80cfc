//! Keys that the guides of other exporters name and ours are not: what each of them means here.
//! No value is judged here: the keys that one stands for judge it.

use super::{Key, keys};

/// A key of another dialect.
#[derive(Debug)]
pub(super) struct Foreign {
    /// With dots; a `*` stands for any one name that is known in its place.
    path: &'static str,
    pub(super) meaning: Meaning,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Meaning {
    /// Each of these keys of ours is set to its value; `*` is what it is in the path.
    Sets(&'static [&'static str]),
    /// Reported at start and otherwise left alone, whatever its value; what is so instead.
    NoEffect(&'static str),
    /// A mistake; what to do instead.
    Refused(&'static str),
}

use Meaning::{NoEffect, Refused, Sets};

const fn foreign(path: &'static str, meaning: Meaning) -> Foreign {
    Foreign { path, meaning }
}

const ONE_READING: Meaning = NoEffect("one reading per endpoint is kept, whatever its size");
const NO_QUEUE: Meaning = NoEffect("nothing queues: an endpoint has one poll at a time");
const NO_BATCHES: Meaning = NoEffect("a poll is one request for all that the endpoint has");
const NO_BUFFERS: Meaning = NoEffect("answers are decoded as they arrive, one element at a time");
const NO_COLLECTOR_OF_GARBAGE: Meaning =
    NoEffect("memory is freed as soon as nothing uses it; performance.memory_limit bounds it");
const IN_PROMETHEUS: Meaning = NoEffect("samples are kept by Prometheus, --storage.tsdb.retention.time");
const BOTH_LABELS: Meaning = NoEffect("both labels are always there; queries can sum over them");
const TOKEN: Meaning = Refused(
    "a token does not stand in a configuration, which many may read; name its file in slurm.auth.token_file, or \
     set SLURM_JWT",
);

/// Every key that is not ours, in the order of our sections.
static FOREIGN: &[Foreign] = &[
    foreign("slurm.timeout", Sets(&["slurm.request_timeout"])),
    foreign("slurm.token", TOKEN),
    foreign("slurm.auth.token", TOKEN),
    foreign("slurm.retry_attempts", Sets(&["collection.retry_attempts"])),
    foreign("slurm.retry_delay", Sets(&["collection.retry_delay"])),
    foreign("slurm.circuit_breaker.timeout", Sets(&["slurm.circuit_breaker.reset_timeout"])),
    foreign(
        "slurm.http2",
        NoEffect("slurmrestd speaks HTTP/1.1 only, and a connection has one request at a time"),
    ),
    foreign("slurm.max_frame_size", NoEffect("slurmrestd speaks HTTP/1.1, which has no frames")),
    foreign("collection.queue_size", NO_QUEUE),
    foreign("collection.batch_size", NO_BATCHES),
    foreign("collection.batch_timeout", NO_BATCHES),
    foreign("max_workers", Sets(&["collection.max_workers"])),
    foreign("batch_requests", NO_BATCHES),
    foreign("batch_size", NO_BATCHES),
    foreign(
        "collectors.cluster.enabled",
        Sets(&["collectors.controller.enabled", "collectors.scheduler.enabled"]),
    ),
    foreign("collectors.cluster.interval", Sets(&["collection.intervals.cluster"])),
    foreign("collectors.cluster.collection_interval", Sets(&["collection.intervals.cluster"])),
    foreign(
        "collectors.cluster.timeout",
        Sets(&["collectors.controller.timeout", "collectors.scheduler.timeout"]),
    ),
    foreign("collectors.users.interval", Sets(&["collection.intervals.users"])),
    foreign("collectors.users.collection_interval", Sets(&["collection.intervals.users"])),
    foreign("collectors.users.timeout", Sets(&["collectors.jobs.timeout"])),
    foreign("collectors.*.collection_interval", Sets(&["collectors.*.interval"])),
    foreign("collectors.nodes.cardinality.max_labels", Sets(&["metrics.label_limits.node"])),
    foreign("collectors.partitions.cardinality.max_labels", Sets(&["metrics.label_limits.partition"])),
    foreign("collectors.users.cardinality.max_labels", Sets(&["collectors.users.max_users"])),
    foreign(
        "collectors.jobs.cardinality.max_labels",
        NoEffect("collectors.jobs.max_jobs bounds the jobs with series"),
    ),
    foreign("collectors.jobs.cardinality.sample_rate", Sets(&["metrics.sampling.rate"])),
    foreign("metrics.retention.high_frequency", IN_PROMETHEUS),
    foreign("metrics.retention.medium_frequency", IN_PROMETHEUS),
    foreign("metrics.retention.low_frequency", IN_PROMETHEUS),
    foreign("metrics.sampling.jobs.enabled", NoEffect("a rate below 1 samples; leave it out to show all")),
    foreign("metrics.sampling.jobs.rate", Sets(&["metrics.sampling.rate"])),
    foreign("metrics.sampling.jobs.stratified", Sets(&["metrics.sampling.stratified"])),
    foreign("metrics.exporter.collection_errors_total.by_collector", BOTH_LABELS),
    foreign("metrics.exporter.collection_errors_total.by_error_type", BOTH_LABELS),
    foreign("performance.caching.max_size", ONE_READING),
    foreign("performance.connection_pool.enabled", Sets(&["slurm.keep_alive"])),
    foreign("performance.connection_pool.max_connections", Sets(&["slurm.max_connections"])),
    foreign("performance.memory_optimizer.enabled", NO_COLLECTOR_OF_GARBAGE),
    foreign("performance.memory_optimizer.gc_percent", NO_COLLECTOR_OF_GARBAGE),
    foreign("runtime.gc_target_percentage", NO_COLLECTOR_OF_GARBAGE),
    foreign("runtime.max_heap_size", Sets(&["performance.memory_limit"])),
    foreign("processing.streaming_parser", NO_BUFFERS),
    foreign("processing.buffer_pool_size", NO_BUFFERS),
    foreign("processing.max_buffer_size", NO_BUFFERS),
    foreign("processing.response_compression", NoEffect("whoever asks for gzip gets it")),
    foreign("processing.cache.enabled", Sets(&["performance.caching.enabled"])),
    foreign("processing.cache.ttl", Sets(&["performance.caching.default_ttl"])),
    foreign("processing.cache.max_size", ONE_READING),
];

/// Every path of another dialect, with what becomes of it in a few words.
pub fn dialects() -> impl Iterator<Item = (&'static str, String)> {
    FOREIGN.iter().map(|foreign| {
        let text = match &foreign.meaning {
            Sets(paths) => format!("sets {}", paths.join(", ")),
            NoEffect(instead) => format!("no effect: {instead}"),
            Refused(instead) => format!("refused: {instead}"),
        };
        (foreign.path, text)
    })
}

/// What a path that is no key of ours means, and the keys of ours that it sets.
pub(super) fn find(path: &str) -> Option<(&'static Meaning, Vec<&'static Key>)> {
    FOREIGN.iter().find_map(|foreign| {
        let own = foreign.own(foreign.star(path)?)?;
        Some((&foreign.meaning, own))
    })
}

/// The names that may stand directly below a prefix, which is empty or ends with a dot.
pub(super) fn below(prefix: &str) -> impl Iterator<Item = &'static str> {
    let rest = FOREIGN.iter().filter_map(move |foreign| foreign.path.strip_prefix(prefix));
    rest.filter_map(|rest| rest.split('.').next()).filter(|name| *name != "*")
}

impl Foreign {
    /// What the star stands for, if the path is this one; nothing where there is none.
    fn star<'a>(&self, path: &'a str) -> Option<&'a str> {
        match self.path.split_once('*') {
            None => (self.path == path).then_some(""),
            Some((before, after)) => {
                path.strip_prefix(before)?.strip_suffix(after).filter(|name| !name.contains('.'))
            }
        }
    }

    /// The keys that it sets; none at all when one of them does not exist.
    fn own(&self, star: &str) -> Option<Vec<&'static Key>> {
        let Sets(paths) = &self.meaning else { return Some(Vec::new()) };
        let key = |path: &&str| keys().find(|key| key.path == path.replace('*', star));
        paths.iter().map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The star's names that make a path, one is enough for most.
    fn paths(foreign: &Foreign) -> Vec<String> {
        let names = ["controller", "nodes", "partitions", "jobs", "scheduler"];
        match foreign.path.contains('*') {
            true => names.map(|name| foreign.path.replace('*', name)).into(),
            false => vec![foreign.path.to_owned()],
        }
    }

    #[test]
    fn no_row_stands_for_a_key_of_ours() {
        for path in FOREIGN.iter().flat_map(paths) {
            assert!(!keys().any(|key| key.path == path), "{path} is a key of its own: delete its row here");
        }
    }

    #[test]
    fn every_row_is_found_and_sets_keys_that_exist() {
        for foreign in FOREIGN {
            for path in paths(foreign) {
                let (meaning, own) = find(&path).unwrap_or_else(|| panic!("{path} sets no key"));
                assert!(std::ptr::eq(meaning, &raw const foreign.meaning), "{path} stands twice");
                assert_eq!(own.is_empty(), !matches!(meaning, Sets(_)), "{path}");
            }
        }
    }

    #[test]
    fn a_star_is_one_known_name() {
        assert!(find("collectors.jobs.collection_interval").is_some());
        for unknown in ["collectors.job.collection_interval", "collectors.a.b.collection_interval"] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
        assert_eq!(below("processing.").next(), Some("streaming_parser"));
        assert!(below("collectors.").all(|name| name != "*"));
    }
}
