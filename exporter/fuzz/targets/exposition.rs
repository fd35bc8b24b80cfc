//! Any label values and numbers through encoding, publishing and compressing: what the strict reader finds in either
//! format is what was written, once each; under limits, no more values than they allow and the same sums.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use arbitrary::Arbitrary;
use exporter::exposition::{Batch, Desc, Kind, Level, Limits, Names, Page, Publisher, Rules, Unit, Value};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/exposition/strict_reader.rs"]
mod strict_reader;

const fn desc(name: &'static str, kind: Kind, unit: Unit, labels: &'static [&'static str]) -> Desc {
    Desc { name, help: "say \"x\\y\"\nand more", kind, unit, labels, level: Level::Important }
}

static GAUGE: Desc = desc("nodes_total", Kind::Gauge, Unit::None, &["state", "node"]);
static COUNTER: Desc = desc("cpu_seconds_total", Kind::Counter, Unit::Seconds, &["user"]);
static HISTOGRAM: Desc = desc("wait_seconds", Kind::Histogram, Unit::Seconds, &["partition"]);

#[derive(Arbitrary, Debug)]
struct Cluster {
    name: Option<String>,
    gauges: BTreeMap<(String, String), Number>,
    counters: BTreeMap<String, f64>,
    histograms: BTreeMap<String, (u32, u32, f64)>,
    began_at: Option<u32>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl Number {
    fn value(self) -> (Value, f64) {
        match self {
            Number::Unsigned(value) => (value.into(), value as f64),
            Number::Signed(value) => (value.into(), value as f64),
            Number::Float(value) => (value.into(), value),
        }
    }
}

type Series = (String, Vec<(String, String)>);

fuzz_target!(|input: (Vec<Cluster>, u8)| {
    let (clusters, limit) = input;
    fold(&clusters, usize::from(limit) + 1);
    let publisher = Publisher::with_rules(Names::default(), Rules { created: true, ..Rules::default() });
    let mut expected: BTreeMap<Option<String>, (BTreeMap<Series, u64>, usize)> = BTreeMap::new();
    for cluster in &clusters {
        // A cluster that comes again replaces what it said before.
        publisher.replace([batch(cluster)]);
        let created = cluster.began_at.map_or(0, |_| cluster.counters.len() + cluster.histograms.len());
        expected.insert(cluster.name.clone(), (series(cluster), created));
    }
    let created: usize = expected.values().map(|(_, created)| created).sum();
    let expected: BTreeMap<Series, u64> = expected.into_values().flat_map(|(series, _)| series).collect();
    let found = |read: Result<BTreeMap<Series, f64>, String>| -> BTreeMap<Series, u64> {
        read.expect("the page is strictly valid")
            .into_iter()
            .map(|(series, value)| (series, bits(value)))
            .collect()
    };

    let page = publisher.page();
    assert_eq!(found(strict_reader::read(&text(&page))), expected);
    assert_eq!(page.samples(), expected.len());
    let mut openmetrics = found(strict_reader::read_openmetrics(&text(&publisher.make_openmetrics())));
    let before = openmetrics.len();
    openmetrics.retain(|(name, _), _| !name.ends_with("_created"));
    assert_eq!(before - openmetrics.len(), created);
    assert_eq!(openmetrics, expected);
});

/// The same under limits on every label, which may have folded something else before.
fn fold(clusters: &[Cluster], limit: usize) {
    let labels = [("state", limit), ("node", limit), ("user", limit), ("partition", limit)].into();
    let limits = Limits { labels, ..Limits::default() };
    let publisher = Publisher::with_rules(Names::default(), Rules { limits, ..Rules::default() });
    for cluster in clusters {
        let page = publisher.replace([batch(cluster)]);
        let read = strict_reader::read(&text(&page)).expect("the page is strictly valid");
        let label = cluster.name.as_ref().map(|name| ("cluster".to_owned(), name.clone()));
        let is_ours = |labels: &[(String, String)]| {
            labels.first().filter(|(name, _)| name == "cluster") == label.as_ref()
        };
        for (family, label) in [
            ("nodes_total", "node"),
            ("nodes_total", "state"),
            ("cpu_seconds_total", "user"),
            ("wait_seconds_count", "partition"),
        ] {
            let ours = read.keys().filter(|(name, labels)| name == family && is_ours(labels));
            let values = ours.flat_map(|(_, labels)| labels.iter().filter(|(name, _)| name == label));
            assert!(values.collect::<BTreeSet<_>>().len() <= limit, "{family} by {label}");
        }
        let count = |name: &str| -> f64 {
            let ours = read.iter().filter(|((found, labels), _)| found == name && is_ours(labels));
            ours.map(|(_, value)| value).sum()
        };
        let expected =
            cluster.histograms.values().map(|(first, second, _)| f64::from(*first) + f64::from(*second));
        assert_eq!(count("wait_seconds_count"), expected.sum::<f64>());
    }
}

fn batch(cluster: &Cluster) -> Batch {
    let mut batch = Batch::new("fuzz", cluster.name.as_deref());
    let [gauge, counter, histogram] = batch.families([&GAUGE, &COUNTER, &HISTOGRAM]);
    for ((state, node), number) in &cluster.gauges {
        gauge.sample(&[state, node], number.value().0);
    }
    for (user, value) in &cluster.counters {
        counter.sample(&[user], *value);
    }
    for (partition, (first, second, sum)) in &cluster.histograms {
        let all = u64::from(*first) + u64::from(*second);
        histogram.histogram(&[partition], &[0.5], &[u64::from(*first), all], *sum);
    }
    if let Some(at) = cluster.began_at {
        batch.began_at(f64::from(at));
    }
    batch
}

fn series(cluster: &Cluster) -> BTreeMap<Series, u64> {
    let mut expected = BTreeMap::new();
    let mut expect = |name: &str, labels: &[(&str, &str)], value: f64| {
        let constant = cluster.name.iter().map(|name| ("cluster".to_owned(), name.clone()));
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        expected.insert((name.to_owned(), constant.chain(labels).collect()), bits(value));
    };
    for ((state, node), number) in &cluster.gauges {
        expect("nodes_total", &[("state", state), ("node", node)], number.value().1);
    }
    for (user, value) in &cluster.counters {
        expect("cpu_seconds_total", &[("user", user)], *value);
    }
    for (partition, (first, second, sum)) in &cluster.histograms {
        let all = f64::from(*first) + f64::from(*second);
        let of = ("partition", partition.as_str());
        expect("wait_seconds_bucket", &[of, ("le", "0.5")], f64::from(*first));
        expect("wait_seconds_bucket", &[of, ("le", "+Inf")], all);
        expect("wait_seconds_sum", &[of], *sum);
        expect("wait_seconds_count", &[of], all);
    }
    expected
}

/// Comparable: every NaN is one, and a negative zero is written as 0.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// The page as text, which its gzip member inflates to.
fn text(page: &Page) -> String {
    let gzip = page.gzip().concat();
    let mut inflated = String::new();
    flate2::bufread::GzDecoder::new(&gzip[..]).read_to_string(&mut inflated).expect("gzip of UTF-8");
    assert_eq!(inflated.as_bytes(), page.identity().concat());
    inflated
}
