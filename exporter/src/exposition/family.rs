//! What a family is (`Desc`) and the writer of its sample lines, straight into one byte buffer.
//! No headers, no compression, no knowledge of which product the names belong to.

use super::{
    text,
    value::{self, Value},
};

/// The one declaration of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Desc {
    /// Full name, with `_total` on counters.
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// Label names in the order in which values are given; without `cluster` (the batch adds it) and `le`.
    pub labels: &'static [&'static str],
    pub level: Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An amount: the values of several series may be added up.
    Gauge,
    /// A gauge whose values mean nothing when added up: an info, a state, a ratio, a rank, a moment.
    Property,
    /// Only goes up, and so does each of its series while the process lives: none may vanish and come back lower.
    Counter,
    /// The same of each bucket.
    Histogram,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gauge | Kind::Property => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        }
    }

    pub(super) fn is_cumulative(self) -> bool {
        matches!(self, Kind::Counter | Kind::Histogram)
    }
}

/// The unit of measure, for the reference; the name carries it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    None,
    Seconds,
    Bytes,
    Ratio,
}

/// How often the data behind a family is refreshed; `Own` is what the process says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Critical,
    Important,
    Detailed,
    Own,
}

/// What one collector has to say about one cluster: the families it writes, frozen and published together.
#[derive(Debug)]
pub struct Batch {
    collector: &'static str,
    cluster: Option<String>,
    /// `cluster="sim"`, escaped; empty without a cluster.
    constant: Vec<u8>,
    families: Vec<Family>,
}

impl Batch {
    /// With a cluster, every sample gets the label `cluster` first.
    pub fn new(collector: &'static str, cluster: Option<&str>) -> Batch {
        let mut constant = Vec::new();
        if let Some(cluster) = cluster {
            constant.extend_from_slice(b"cluster=\"");
            text::push_label_value(&mut constant, cluster);
            constant.push(b'"');
        }
        Batch { collector, cluster: cluster.map(str::to_owned), constant, families: Vec::new() }
    }

    /// Belongs to a cluster without saying so in a label.
    pub fn unlabelled(collector: &'static str, cluster: &str) -> Batch {
        Batch { cluster: Some(cluster.to_owned()), ..Batch::new(collector, None) }
    }

    pub fn collector(&self) -> &'static str {
        self.collector
    }

    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// The writer of a family, opened on first use.
    pub fn family(&mut self, desc: &'static Desc) -> &mut Family {
        let at = self.position(desc);
        &mut self.families[at]
    }

    /// Writers of several different families at once, for one pass over the rows.
    pub fn families<const N: usize>(&mut self, descs: [&'static Desc; N]) -> [&mut Family; N] {
        let at = descs.map(|desc| self.position(desc));
        self.families.get_disjoint_mut(at).expect("each family is listed once")
    }

    /// Says since when the counters and histograms written so far count, in Unix seconds: from 0 at that moment.
    pub fn began_at(&mut self, unix_seconds: f64) {
        for family in self.families.iter_mut().filter(|family| family.desc.kind.is_cumulative()) {
            family.began_at = Some(unix_seconds);
        }
    }

    /// The families in the order of their first use.
    pub fn into_families(self) -> Vec<Family> {
        self.families
    }

    fn position(&mut self, desc: &'static Desc) -> usize {
        let known = self.families.iter().position(|family| family.desc.name == desc.name);
        known.unwrap_or_else(|| {
            self.families.push(Family::open(desc, &self.constant));
            self.families.len() - 1
        })
    }
}

/// Finished sample lines of one family.
#[derive(Debug, Clone)]
pub struct Family {
    desc: &'static Desc,
    /// `cluster="sim"` or nothing.
    constant: Box<[u8]>,
    body: Vec<u8>,
    samples: usize,
    began_at: Option<f64>,
}

impl Family {
    fn open(desc: &'static Desc, constant: &[u8]) -> Family {
        Family { desc, constant: constant.into(), body: Vec::new(), samples: 0, began_at: None }
    }

    pub fn desc(&self) -> &'static Desc {
        self.desc
    }

    /// Lines written so far; each is one series.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// One gauge or counter line; `labels` are values in the order of `Desc::labels`.
    pub fn sample(&mut self, labels: &[&str], value: impl Into<Value>) {
        debug_assert!(self.desc.kind != Kind::Histogram, "{} is a histogram", self.desc.name);
        self.line("", labels, None, value.into());
    }

    /// One histogram: `cumulative[i]` counts the observations up to `bounds[i]`, its last entry counts all.
    pub fn histogram(&mut self, labels: &[&str], bounds: &[f64], cumulative: &[u64], sum: f64) {
        debug_assert!(self.desc.kind == Kind::Histogram, "{} is not a histogram", self.desc.name);
        debug_assert_eq!(cumulative.len(), bounds.len() + 1, "counts of {}", self.desc.name);
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, &count) in bounds.zip(cumulative) {
            self.line("_bucket", labels, Some(bound), count.into());
        }
        self.line("_sum", labels, None, sum.into());
        self.line("_count", labels, None, cumulative.last().copied().unwrap_or(0).into());
    }

    /// Replaces the lines by fewer.
    pub(super) fn set_lines(&mut self, body: Vec<u8>, samples: usize) {
        self.body = body;
        self.samples = samples;
    }

    /// Has every line begin with another name than the declared one.
    pub(super) fn rename(&mut self, name: &str) {
        let mut body = Vec::with_capacity(self.body.len() + self.samples * name.len());
        for line in self.body.split_inclusive(|byte| *byte == b'\n') {
            body.extend_from_slice(name.as_bytes());
            body.extend_from_slice(&line[self.desc.name.len()..]);
        }
        self.body = body;
    }

    pub(super) fn began_at(&self) -> Option<f64> {
        self.began_at
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<f64>, value: Value) {
        debug_assert_eq!(labels.len(), self.desc.labels.len(), "label values of {}", self.desc.name);
        let out = &mut self.body;
        out.extend_from_slice(self.desc.name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
        let mut separator = b'{';
        if !self.constant.is_empty() {
            out.push(separator);
            out.extend_from_slice(&self.constant);
            separator = b',';
        }
        for (name, label) in self.desc.labels.iter().zip(labels) {
            out.push(separator);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"=\"");
            text::push_label_value(out, label);
            out.push(b'"');
            separator = b',';
        }
        if let Some(bound) = bound {
            out.push(separator);
            out.extend_from_slice(b"le=\"");
            value::push_bound(out, bound);
            out.push(b'"');
            separator = b',';
        }
        out.extend_from_slice(if separator == b'{' { b" " } else { b"} " });
        value.write_to(out);
        out.push(b'\n');
        self.samples += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn desc(name: &'static str, kind: Kind, labels: &'static [&'static str]) -> Desc {
        Desc { name, help: "Help.", kind, unit: Unit::None, labels, level: Level::Important }
    }

    static PLAIN: Desc = desc("up", Kind::Gauge, &[]);
    static LABELLED: Desc = desc("nodes", Kind::Gauge, &["partition", "state"]);
    static WAIT: Desc = desc("wait_seconds", Kind::Histogram, &["partition"]);

    fn body(batch: Batch) -> String {
        batch
            .into_families()
            .into_iter()
            .map(|family| String::from_utf8(family.into_body()).unwrap())
            .collect()
    }

    #[test]
    fn a_sample_is_one_finished_line() {
        let mut batch = Batch::new("nodes", Some("si\"m"));
        batch.family(&PLAIN).sample(&[], 1_u64);
        batch.family(&LABELLED).sample(&["gpu", "idle"], 12_u64);
        batch.family(&LABELLED).sample(&["a\\b", "x\ny"], 0.25);
        assert_eq!(batch.family(&LABELLED).samples(), 2);
        let expected = "up{cluster=\"si\\\"m\"} 1\n\
                        nodes{cluster=\"si\\\"m\",partition=\"gpu\",state=\"idle\"} 12\n\
                        nodes{cluster=\"si\\\"m\",partition=\"a\\\\b\",state=\"x\\ny\"} 0.25\n";
        assert_eq!(body(batch), expected);
    }

    #[test]
    fn without_a_cluster_there_is_no_constant_label() {
        let mut batch = Batch::new("own", None);
        let [up, nodes] = batch.families([&PLAIN, &LABELLED]);
        up.sample(&[], true);
        nodes.sample(&["", "down"], -3_i64);
        assert_eq!(body(batch), "up 1\nnodes{partition=\"\",state=\"down\"} -3\n");
    }

    #[test]
    fn a_histogram_ends_with_infinity_sum_and_count() {
        let mut batch = Batch::new("jobs", None);
        batch.family(&WAIT).histogram(&["cpu"], &[1.0, 2.5], &[3, 4, 9], 12.5);
        assert_eq!(batch.family(&WAIT).samples(), 5);
        let expected = "wait_seconds_bucket{partition=\"cpu\",le=\"1.0\"} 3\n\
                        wait_seconds_bucket{partition=\"cpu\",le=\"2.5\"} 4\n\
                        wait_seconds_bucket{partition=\"cpu\",le=\"+Inf\"} 9\n\
                        wait_seconds_sum{partition=\"cpu\"} 12.5\n\
                        wait_seconds_count{partition=\"cpu\"} 9\n";
        assert_eq!(body(batch), expected);
    }
}
