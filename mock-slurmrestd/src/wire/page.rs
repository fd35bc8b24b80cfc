//! One answer: what comes before its list, each element, what comes after; written in pieces, or only counted.
//! Not here: what is inside an element.

use super::endpoint::Endpoint;
use super::job_resources::CoreTexts;
use super::json::{Count, Json, Key, Layout, Sink, Style, key};
use super::meta::{Problem, Warning};
use super::version::{ApiVersion, Face};
use super::{diag, job, meta, node, partition, ping, v0_0_38};
use crate::cluster::Cluster;

/// One answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(super) face: Face,
    pub(super) endpoint: Endpoint,
    pub(super) layout: Layout,
    pub(super) cores: CoreTexts,
    /// Only these records, by their index in the model; every one when `None`.
    pub(crate) rows: Option<Vec<usize>>,
    /// Errors beside data.
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Warning>,
    /// What `/ping` says about slurmctld when it does not answer.
    pub(crate) controller_trouble: Option<&'static str>,
    /// Whether a second controller has taken over from the first, which is down.
    pub(crate) failed_over: bool,
}

/// How far slurmrestd came before it gave up: it decides the shape of the error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The query was refused before anyone was asked.
    Query,
    /// Who was asked did not answer, or refused.
    Answer,
}

impl Page {
    pub(crate) fn new(face: Face, endpoint: Endpoint, style: Style) -> Self {
        let layout = Layout::new(style, face.release);
        let cores = CoreTexts::new(&layout);
        let (problems, warnings) = (Vec::new(), Vec::new());
        let (rows, controller_trouble, failed_over) = (None, None, false);
        Self { face, endpoint, layout, cores, rows, problems, warnings, controller_trouble, failed_over }
    }

    /// How many records the answer's list has.
    pub(crate) fn elements(&self, cluster: &Cluster) -> usize {
        match &self.rows {
            Some(rows) => rows.len(),
            None => self.records(cluster),
        }
    }

    fn records(&self, cluster: &Cluster) -> usize {
        match self.endpoint {
            Endpoint::Nodes | Endpoint::Node => cluster.nodes().len(),
            Endpoint::Jobs | Endpoint::JobsState | Endpoint::Job => cluster.jobs().len(),
            Endpoint::Partitions | Endpoint::Partition => cluster.inventory().partitions.len(),
            _ => 0,
        }
    }

    /// The key of the answer's list, if it has one.
    pub(super) fn list(&self) -> Option<Key> {
        Some(match self.endpoint {
            Endpoint::Nodes | Endpoint::Node => key!("nodes"),
            Endpoint::Jobs | Endpoint::JobsState | Endpoint::Job => key!("jobs"),
            Endpoint::Partitions | Endpoint::Partition => key!("partitions"),
            _ => return None,
        })
    }

    fn is_plain(&self) -> bool {
        self.face.api == ApiVersion::V0_0_38
    }

    pub(crate) fn head(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let mut json = Json::new(sink, &self.layout);
        json.open_root();
        if self.is_plain() {
            v0_0_38::open(&mut json, self.endpoint, &self.problems);
        }
        if let Some(key) = self.list() {
            return json.open_list(key);
        }
        match self.endpoint {
            Endpoint::Ping if self.is_plain() => v0_0_38::ping(&mut json),
            Endpoint::Ping if self.failed_over => ping::write_failed_over(&mut json, cluster, self.face.api),
            Endpoint::Ping => ping::write(&mut json, cluster, self.face.api, self.controller_trouble),
            Endpoint::Diag if self.is_plain() => v0_0_38::diag::write(&mut json, cluster),
            Endpoint::Diag => diag::write(&mut json, cluster, self.face.api),
            _ => {}
        }
    }

    pub(crate) fn element(&self, cluster: &Cluster, index: usize, sink: &mut impl Sink) {
        let mut json = Json::resume(sink, &self.layout, 2, index == 0);
        let row = self.rows.as_ref().map_or(index, |rows| rows[index]);
        let (face, plain) = (self.face, self.is_plain());
        match self.endpoint {
            Endpoint::Nodes | Endpoint::Node if plain => v0_0_38::node::write(&mut json, cluster, row),
            Endpoint::Nodes | Endpoint::Node => node::write(&mut json, cluster, row, face),
            Endpoint::Jobs | Endpoint::Job if plain => {
                v0_0_38::job::write(&mut json, cluster, &cluster.jobs()[row]);
            }
            Endpoint::Jobs | Endpoint::Job => {
                job::write(&mut json, cluster, &cluster.jobs()[row], face, &self.cores);
            }
            Endpoint::JobsState => job::write_states(&mut json, cluster, &cluster.jobs()[row], face.api),
            Endpoint::Partitions | Endpoint::Partition => {
                let partition = &cluster.inventory().partitions[row];
                if plain {
                    v0_0_38::partition::write(&mut json, partition);
                } else {
                    partition::write(&mut json, partition, face.api);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn tail(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let depth = if self.list().is_some() { 2 } else { 1 };
        let empty = depth == 2 && self.elements(cluster) == 0;
        let mut json = Json::resume(sink, &self.layout, depth, empty);
        if depth == 2 {
            json.close_list();
        }
        if self.is_plain() {
            return json.close_object();
        }
        self.times(&mut json, cluster);
        meta::close(&mut json, cluster, self.face, self.endpoint, &self.problems, &self.warnings);
    }

    fn times<S: Sink>(&self, json: &mut Json<'_, S>, cluster: &Cluster) {
        match self.endpoint {
            Endpoint::Nodes | Endpoint::Node | Endpoint::Partitions | Endpoint::Partition => {
                json.set(key!("last_update"), cluster.now_unix());
            }
            Endpoint::Jobs | Endpoint::Job => {
                json.set(key!("last_backfill"), cluster.stats().backfill_at / 1_000);
                json.set(key!("last_update"), cluster.now_unix());
            }
            _ => {}
        }
    }

    pub(crate) fn write(&self, cluster: &Cluster, sink: &mut impl Sink) {
        self.head(cluster, sink);
        for index in 0..self.elements(cluster) {
            self.element(cluster, index, sink);
        }
        self.tail(cluster, sink);
    }

    /// The exact length of what `write` would write.
    pub(crate) fn len(&self, cluster: &Cluster) -> u64 {
        let mut count = Count::default();
        self.write(cluster, &mut count);
        count.0
    }

    /// `/jobs` when nothing changed since `update_time`: an empty list, no times and a warning.
    pub(crate) fn write_unchanged_jobs(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let mut json = Json::new(sink, &self.layout);
        json.open_root();
        self.no_jobs(&mut json);
        meta::close(&mut json, cluster, self.face, self.endpoint, &[], &self.warnings);
    }

    fn no_jobs<S: Sink>(&self, json: &mut Json<'_, S>) {
        json.empty_list(key!("jobs"));
        json.set(key!("last_backfill"), 0u64);
        json.set(key!("last_update"), 0u64);
    }

    /// The body of an answer without data, whose shape depends on the endpoint.
    pub(crate) fn write_problems(
        &self,
        cluster: &Cluster,
        problems: &[Problem],
        stage: Stage,
        sink: &mut impl Sink,
    ) {
        let mut json = Json::new(sink, &self.layout);
        json.open_root();
        if self.is_plain() {
            return v0_0_38::write_problems(&mut json, self, problems, stage);
        }
        match (self.endpoint, stage) {
            (Endpoint::Jobs, Stage::Answer) => self.no_jobs(&mut json),
            (Endpoint::JobsState, Stage::Answer) => json.null(key!("jobs")),
            // Everything else says first what is wrong.
            _ => {
                let (face, endpoint) = (self.face, self.endpoint);
                return meta::close_problems_first(
                    &mut json,
                    cluster,
                    face,
                    endpoint,
                    problems,
                    &self.warnings,
                );
            }
        }
        meta::close(&mut json, cluster, self.face, self.endpoint, problems, &self.warnings);
    }
}
