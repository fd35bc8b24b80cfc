//! One answer: what comes before its list, each element, what comes after; written in pieces, or only counted.
//! Not here: what is inside an element.

use super::endpoint::Endpoint;
use super::job_resources::CoreTexts;
use super::json::{Count, Json, Key, Layout, Sink, Style, key};
use super::meta::{Problem, Warning};
use super::version::{ApiVersion, Face, Release};
use super::{
    accounting, association, diag, finished, job, license, meta, node, partition, ping, qos, reservation,
    share, v0_0_38,
};
use crate::cluster::Cluster;
use crate::cluster::job::Job;
use std::sync::{Arc, OnceLock};

/// One answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(super) face: Face,
    pub(super) endpoint: Endpoint,
    pub(super) layout: Layout,
    /// Made when it is needed first.
    cores: OnceLock<CoreTexts>,
    /// Only these records, by their index in the model; every one when `None`.
    pub(crate) rows: Option<Vec<usize>>,
    /// What slurmdbd's `/jobs` lists.
    pub(crate) jobs: Vec<Arc<Job>>,
    /// Whether users and accounts tell their associations.
    pub(crate) with_associations: bool,
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
        let layout = Layout::new(style, face);
        let (problems, warnings) = (Vec::new(), Vec::new());
        let mut page = Self {
            face,
            endpoint,
            layout,
            cores: OnceLock::new(),
            rows: None,
            jobs: Vec::new(),
            with_associations: false,
            problems,
            warnings,
            controller_trouble: None,
            failed_over: false,
        };
        page.find_nothing();
        page
    }

    /// What is said where slurmdbd has nothing: this cluster tracks no wckeys and has no cloud instances.
    fn find_nothing(&mut self) {
        let (function, source) = match self.endpoint {
            Endpoint::DbWckeys => ("slurmdb_wckeys_get", "_dump_wckeys"),
            Endpoint::DbConfig if self.is_plain() => ("slurmdb_wckeys_get", "_dump_wckeys"),
            Endpoint::DbInstances => ("slurmdb_instances_get", "_dump_instance_cond"),
            _ => return,
        };
        if self.is_plain() {
            let description = "Nothing found".to_owned();
            let error = "Nothing found with query";
            self.problems.push(Problem { description, number: 9003, error, source: function });
            return;
        }
        self.warn_of_nothing(function, source);
    }

    fn warn_of_nothing(&mut self, function: &str, source: &str) {
        // Releases before 26.05 tell an address of theirs.
        let pointer = if self.face.release < Release::S26_05 { "0x7fed74003e60" } else { "" };
        let description = format!("{function}({pointer}) found nothing");
        self.warnings.push(Warning { description, source: source.to_owned() });
    }

    /// The same where slurmdbd has jobs, but none that is asked for.
    pub(crate) fn find_no_jobs(&mut self) {
        let asks_for_jobs = matches!(self.endpoint, Endpoint::DbJobs | Endpoint::DbJob);
        if !asks_for_jobs || !self.jobs.is_empty() {
            return;
        }
        if self.is_plain() {
            let (description, error) = ("Nothing found".to_owned(), "Nothing found with query");
            self.problems.push(Problem { description, number: 9003, error, source: "slurmdb_jobs_get" });
        } else {
            self.warn_of_nothing("slurmdb_jobs_get", "_dump_jobs");
        }
    }

    /// Lists the first record alone, if there is one.
    pub(crate) fn only_first(&mut self, cluster: &Cluster) {
        self.rows = Some((0..self.records(cluster).min(1)).collect());
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
            Endpoint::Reservations | Endpoint::Reservation => cluster.reservations().len(),
            Endpoint::Licenses => cluster.licenses().len(),
            Endpoint::Shares | Endpoint::DbAssociations => cluster.inventory().associations.len(),
            Endpoint::DbJobs | Endpoint::DbJob => self.jobs.len(),
            Endpoint::DbUsers => cluster.inventory().users.len(),
            Endpoint::DbAccounts => cluster.inventory().accounts.len(),
            Endpoint::DbQos => cluster.inventory().qos.len(),
            Endpoint::DbTres => cluster.inventory().tres.len(),
            Endpoint::DbClusters => 1,
            _ => 0,
        }
    }

    /// The key of the answer's list, if it has one.
    pub(super) fn list(&self) -> Option<Key> {
        Some(match self.endpoint {
            Endpoint::Nodes | Endpoint::Node => key!("nodes"),
            Endpoint::Jobs | Endpoint::JobsState | Endpoint::Job => key!("jobs"),
            Endpoint::Partitions | Endpoint::Partition => key!("partitions"),
            Endpoint::Reservations | Endpoint::Reservation => key!("reservations"),
            Endpoint::Licenses => key!("licenses"),
            Endpoint::Shares => key!("shares"),
            Endpoint::DbJobs | Endpoint::DbJob => key!("jobs"),
            Endpoint::DbUsers => key!("users"),
            Endpoint::DbAccounts => key!("accounts"),
            Endpoint::DbAssociations => key!("associations"),
            Endpoint::DbQos if self.is_plain() => key!("QOS"),
            Endpoint::DbQos => key!("qos"),
            Endpoint::DbTres => key!("TRES"),
            Endpoint::DbClusters => key!("clusters"),
            Endpoint::DbWckeys => key!("wckeys"),
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
        if self.endpoint == Endpoint::Shares {
            json.open_object(key!("shares"));
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
            Endpoint::DbPing => accounting::ping(&mut json, cluster, self.face),
            // Without an administrator's rights v0.0.38 has nothing here, and more was not recorded.
            Endpoint::DbDiag if !self.is_plain() => accounting::diag(&mut json, cluster),
            Endpoint::DbConfig => self.config(&mut json, cluster),
            _ => {}
        }
    }

    /// Everything that slurmdbd knows but jobs, list after list.
    fn config<S: Sink>(&self, json: &mut Json<'_, S>, cluster: &Cluster) {
        let tres = if self.is_plain() { key!("TRES") } else { key!("tres") };
        let qos = if self.is_plain() { key!("QOS") } else { key!("qos") };
        let inventory = cluster.inventory();
        for (key, endpoint, count) in [
            (key!("clusters"), Endpoint::DbClusters, 1),
            (tres, Endpoint::DbTres, inventory.tres.len()),
            (key!("accounts"), Endpoint::DbAccounts, inventory.accounts.len()),
            (key!("users"), Endpoint::DbUsers, inventory.users.len()),
            (qos, Endpoint::DbQos, inventory.qos.len()),
            (key!("wckeys"), Endpoint::DbWckeys, 0),
            (key!("associations"), Endpoint::DbAssociations, inventory.associations.len()),
        ] {
            json.open_list(key);
            for row in 0..count {
                self.record(json, cluster, endpoint, row, true);
            }
            json.close_list();
        }
        if !self.is_plain() && self.face.api < ApiVersion::V0_0_45 {
            json.empty_list(key!("instances"));
        }
    }

    /// One record of slurmdbd.
    fn record<S: Sink>(
        &self,
        json: &mut Json<'_, S>,
        cluster: &Cluster,
        endpoint: Endpoint,
        row: usize,
        with_associations: bool,
    ) {
        let face = self.face;
        match endpoint {
            Endpoint::DbUsers => accounting::user(json, cluster, row, face, with_associations),
            Endpoint::DbAccounts => accounting::account(json, cluster, row, with_associations),
            Endpoint::DbAssociations => association::write(json, cluster, row, face),
            Endpoint::DbQos => qos::write(json, cluster, &cluster.inventory().qos[row], face),
            Endpoint::DbTres => accounting::tres_kind(json, cluster, row),
            Endpoint::DbClusters => accounting::cluster(json, cluster, face),
            _ => {}
        }
    }

    pub(crate) fn element(&self, cluster: &Cluster, index: usize, sink: &mut impl Sink) {
        let mut json = Json::resume(sink, &self.layout, self.depth(), index == 0);
        let row = self.rows.as_ref().map_or(index, |rows| rows[index]);
        let (face, plain) = (self.face, self.is_plain());
        match self.endpoint {
            Endpoint::Nodes | Endpoint::Node if plain => v0_0_38::node::write(&mut json, cluster, row),
            Endpoint::Nodes | Endpoint::Node => node::write(&mut json, cluster, row, face),
            Endpoint::Jobs | Endpoint::Job if plain => {
                v0_0_38::job::write(&mut json, cluster, &cluster.jobs()[row]);
            }
            Endpoint::Jobs | Endpoint::Job => {
                let cores = self.cores.get_or_init(|| CoreTexts::new(&self.layout));
                job::write(&mut json, cluster, &cluster.jobs()[row], face, cores);
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
            Endpoint::Reservations | Endpoint::Reservation => {
                reservation::write(&mut json, cluster, &cluster.reservations()[row], face.api);
            }
            Endpoint::Licenses => license::write(&mut json, &cluster.licenses()[row], face.api),
            Endpoint::Shares => share::write(&mut json, cluster, row, face),
            Endpoint::DbJobs | Endpoint::DbJob if plain => {
                v0_0_38::finished::write(&mut json, cluster, &self.jobs[row]);
            }
            Endpoint::DbJobs | Endpoint::DbJob => finished::write(&mut json, cluster, &self.jobs[row], face),
            endpoint => self.record(&mut json, cluster, endpoint, row, self.with_associations),
        }
    }

    /// Of the elements of the list; 1 without a list.
    fn depth(&self) -> usize {
        match self.endpoint {
            Endpoint::Shares => 3,
            _ if self.list().is_some() => 2,
            _ => 1,
        }
    }

    pub(crate) fn tail(&self, cluster: &Cluster, sink: &mut impl Sink) {
        let depth = self.depth();
        let first = match depth {
            1 => self.endpoint == Endpoint::DbInstances,
            _ => self.elements(cluster) == 0,
        };
        let mut json = Json::resume(sink, &self.layout, depth, first);
        if depth > 1 {
            json.close_list();
        }
        if self.endpoint == Endpoint::Shares {
            json.int(key!("total_shares"), 0u64);
            json.close_object();
        }
        if self.is_plain() {
            return json.close_object();
        }
        self.times(&mut json, cluster);
        let (face, endpoint) = (self.face, self.endpoint);
        if endpoint == Endpoint::DbInstances {
            let (problems, warnings) = (&self.problems, &self.warnings);
            return meta::close_problems_first(&mut json, cluster, face, endpoint, problems, warnings);
        }
        if endpoint == Endpoint::Shares {
            let mut warnings = self.warnings.clone();
            let rows = (0..self.elements(cluster)).map(|at| self.rows.as_ref().map_or(at, |rows| rows[at]));
            let infinite = share::infinite_levels(cluster, rows, face);
            let description = "Dumping (0xffffffffffffffff) as place holder for Infinity".to_owned();
            warnings.extend(vec![Warning { description, source: String::new() }; infinite]);
            return meta::close(&mut json, cluster, face, endpoint, &self.problems, &warnings);
        }
        meta::close(&mut json, cluster, face, endpoint, &self.problems, &self.warnings);
    }

    fn times<S: Sink>(&self, json: &mut Json<'_, S>, cluster: &Cluster) {
        match self.endpoint {
            Endpoint::Nodes
            | Endpoint::Node
            | Endpoint::Partitions
            | Endpoint::Partition
            | Endpoint::Reservations
            | Endpoint::Reservation
            | Endpoint::Licenses => {
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
            // A job that is unknown is told in another way than one that cannot be asked for.
            (Endpoint::Job, Stage::Answer)
                if problems.iter().all(|problem| problem.source == "_handle_job_get") =>
            {
                self.no_jobs(&mut json);
            }
            (Endpoint::Licenses, Stage::Answer) => {
                json.empty_list(key!("licenses"));
                json.set(key!("last_update"), 0u64);
            }
            (Endpoint::DbDiag, Stage::Answer)
                if problems.iter().all(|problem| problem.source == "slurmdb_get_stats") =>
            {
                json.empty_object(key!("statistics"));
            }
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
