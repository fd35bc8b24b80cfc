//! Small hand-made readings for the collectors' tests, and what a collector says about them.
//! State words are written as Slurm's, apart by blanks; a node has 8 CPUs and 1000 bytes unless changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Collector, Settings};
use crate::exposition::{Batch, Names, Publisher};
use crate::model::job::{Details, Gpus};
use crate::model::node::Gres;
use crate::model::state::{State, Word, job_base, job_flag, node_base, node_flag};
use crate::model::symbol::Run;
use crate::model::{
    Accounting, Associations, Diag, Job, Jobs, Node, Nodes, Partition, Partitions, QosTable, Snapshot,
    Symbol, Symbols, Timestamp,
};

/// The sample lines of a collector, without a cluster label.
pub(super) fn lines(collector: &Collector, snapshot: &Snapshot) -> Vec<String> {
    lines_with(collector, snapshot, &Settings::default())
}

fn lines_with(collector: &Collector, snapshot: &Snapshot, settings: &Settings) -> Vec<String> {
    let mut batch = Batch::new(collector.name, None);
    (collector.collect)(snapshot, settings, &mut batch);
    let publisher = Publisher::new(Names::default());
    publisher.replace([batch]);
    let page = publisher.page();
    let declared = |name: &str| collector.families.iter().any(|family| family.name == name);
    page.units()
        .inspect(|unit| assert!(declared(unit.desc().name), "{} is not in `families`", unit.desc().name))
        .flat_map(|unit| {
            let text = String::from_utf8(unit.identity().to_vec()).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// The same by series; a series must not come twice.
pub(super) fn samples(collector: &Collector, snapshot: &Snapshot) -> BTreeMap<String, String> {
    samples_with(collector, snapshot, &Settings::default())
}

/// The same with other settings.
pub(super) fn samples_with(
    collector: &Collector,
    snapshot: &Snapshot,
    settings: &Settings,
) -> BTreeMap<String, String> {
    let mut samples = BTreeMap::new();
    for line in lines_with(collector, snapshot, settings) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert_eq!(samples.insert(series.to_owned(), value.to_owned()), None, "{series} comes twice");
    }
    samples
}

/// Partitions from `name state`.
pub(super) fn partitions(rows: &[&str]) -> Partitions {
    let rows = rows.iter().map(|row| {
        let (name, state) = row.split_once(' ').unwrap();
        Partition {
            name: name.to_owned(),
            state: state.to_owned(),
            nodes_configured: Some(10),
            cpus_configured: Some(80),
            max_time_seconds: Some(3600),
            max_time_unlimited: false,
            priority_tier: Some(1),
            is_default: None,
        }
    });
    Partitions { last_update: Timestamp::NONE, rows: rows.collect() }
}

pub(super) fn snapshot() -> SnapshotBuilder {
    SnapshotBuilder(Snapshot::default())
}

pub(super) struct SnapshotBuilder(Snapshot);

impl SnapshotBuilder {
    pub(super) fn nodes(mut self, nodes: Nodes) -> Self {
        self.0.nodes = Some(Arc::new(nodes));
        self
    }

    pub(super) fn jobs(mut self, jobs: Jobs) -> Self {
        self.0.jobs = Some(Arc::new(jobs));
        self
    }

    pub(super) fn partitions(mut self, partitions: Partitions) -> Self {
        self.0.partitions = Some(Arc::new(partitions));
        self
    }

    pub(super) fn diag(mut self, diag: Diag) -> Self {
        self.0.diag = Some(Arc::new(diag));
        self
    }

    pub(crate) fn qos(mut self, qos: QosTable) -> Self {
        self.0.qos = Some(Arc::new(qos));
        self
    }

    pub(super) fn associations(mut self, associations: Associations) -> Self {
        self.0.associations = Some(Arc::new(associations));
        self
    }

    pub(super) fn accounting(mut self, accounting: Accounting) -> Self {
        self.0.accounting = Some(Arc::new(accounting));
        self
    }

    pub(super) fn build(self) -> Snapshot {
        self.0
    }
}

#[derive(Default)]
pub(crate) struct NodesBuilder(Nodes);

impl NodesBuilder {
    pub(crate) fn node(
        mut self,
        name: &str,
        state: &str,
        partitions: &str,
        change: impl FnOnce(&mut Node),
    ) -> Self {
        let nodes = &mut self.0;
        let (state, others) = words(state, &mut nodes.symbols, node_base::index_of, node_flag::index_of);
        let row = u32::try_from(nodes.rows.len()).unwrap();
        nodes.other_flags.extend(others.into_iter().map(|word| (row, word)));
        let mut node = Node {
            name: nodes.symbols.intern(name),
            state,
            partitions: nodes.partition_lists.store(symbols(partitions, &mut nodes.symbols), Run::default()),
            gres: Run::default(),
            features: Run::default(),
            cpus_total: 8,
            cpus_allocated: 0,
            cpus_effective: 8,
            cpu_load_hundredths: None,
            memory_total_bytes: 1000,
            memory_allocated_bytes: 0,
            memory_effective_bytes: 1000,
            memory_free_bytes: None,
            reason: Symbol::EMPTY,
            reason_user: Symbol::EMPTY,
            reason_at: Timestamp::NONE,
            boot_at: Timestamp::NONE,
            last_busy_at: Timestamp::NONE,
            power_watts: None,
            weight: Some(1),
            architecture: Symbol::EMPTY,
            operating_system: Symbol::EMPTY,
            slurmd_version: Symbol::EMPTY,
        };
        change(&mut node);
        nodes.rows.push(node);
        self
    }

    /// Adds a resource to the last node.
    pub(crate) fn gres(mut self, name: &str, kind: &str, total: u64, allocated: u64) -> Self {
        let nodes = &mut self.0;
        let (name, kind) = (nodes.symbols.intern(name), nodes.symbols.intern(kind));
        let node = nodes.rows.last_mut().unwrap();
        let mut list = nodes.gres_lists.get(node.gres).to_vec();
        list.push(Gres { name, kind, total, allocated });
        node.gres = nodes.gres_lists.store(list, Run::default());
        self
    }

    /// Gives the last node a reason and who set it.
    pub(crate) fn reason(mut self, reason: &str, user: &str) -> Self {
        let (reason, user) = (self.0.symbols.intern(reason), self.0.symbols.intern(user));
        let node = self.0.rows.last_mut().unwrap();
        (node.reason, node.reason_user) = (reason, user);
        self
    }

    /// Gives the last node features.
    pub(crate) fn features(mut self, names: &str) -> Self {
        let features = symbols(names, &mut self.0.symbols);
        let run = self.0.feature_lists.store(features, Run::default());
        self.0.rows.last_mut().unwrap().features = run;
        self
    }

    /// Gives the last node its software.
    pub(crate) fn software(mut self, architecture: &str, operating_system: &str, slurmd: &str) -> Self {
        let [architecture, operating_system, slurmd] =
            [architecture, operating_system, slurmd].map(|name| self.0.symbols.intern(name));
        let node = self.0.rows.last_mut().unwrap();
        (node.architecture, node.operating_system, node.slurmd_version) =
            (architecture, operating_system, slurmd);
        self
    }

    pub(crate) fn build(self) -> Nodes {
        self.0
    }
}

#[derive(Default)]
pub(crate) struct JobsBuilder(Jobs);

impl JobsBuilder {
    pub(crate) fn job(mut self, state: &str, partitions: &str, change: impl FnOnce(&mut Job)) -> Self {
        let jobs = &mut self.0;
        let (state, others) = words(state, &mut jobs.symbols, job_base::index_of, job_flag::index_of);
        let row = u32::try_from(jobs.rows.len()).unwrap();
        jobs.other_flags.extend(others.into_iter().map(|word| (row, word)));
        let mut job = Job {
            id: row + 1,
            array_id: 0,
            tasks: 1,
            state,
            partitions: jobs.partition_lists.store(symbols(partitions, &mut jobs.symbols), Run::default()),
            gpus: Run::default(),
            user: jobs.symbols.intern("ann"),
            account: jobs.symbols.intern("physics"),
            qos: Symbol::EMPTY,
            reason: Symbol::EMPTY,
            cpus: 1,
            nodes: 1,
            max_nodes: 0,
            features: Symbol::EMPTY,
            is_held: false,
            user_id: 0,
            memory_bytes: 10,
            submit_at: Timestamp::NONE,
            eligible_at: Timestamp::NONE,
            start_at: Timestamp::NONE,
            end_at: Timestamp::NONE,
            time_limit_minutes: None,
            restarts: 0,
            has_allocation: !state.has_base(job_base::PENDING),
            tasks_truncated: false,
        };
        change(&mut job);
        jobs.rows.push(job);
        self
    }

    /// Gives the last job GPUs, per task.
    pub(crate) fn gpus(mut self, kind: &str, count: u64) -> Self {
        let kind = self.0.symbols.intern(kind);
        let job = self.0.rows.last_mut().unwrap();
        let mut list = self.0.gpu_lists.get(job.gpus).to_vec();
        list.push(Gpus { kind, count });
        job.gpus = self.0.gpu_lists.store(list, Run::default());
        self
    }

    /// Gives the last job a name and a priority; the first one has to have them too.
    pub(crate) fn details(mut self, name: &str, priority: u32) -> Self {
        let name = self.0.symbols.intern(name);
        self.0.details.push(Details { name, priority: Some(priority) });
        self
    }

    /// Gives the last job to another user.
    pub(crate) fn user(mut self, name: &str) -> Self {
        let user = self.0.symbols.intern(name);
        self.0.rows.last_mut().unwrap().user = user;
        self
    }

    /// Gives the last job a QOS.
    pub(crate) fn qos(mut self, qos: &str) -> Self {
        let qos = self.0.symbols.intern(qos);
        self.0.rows.last_mut().unwrap().qos = qos;
        self
    }

    /// Gives the last job a reason.
    pub(crate) fn reason(mut self, reason: &str) -> Self {
        let reason = self.0.symbols.intern(reason);
        self.0.rows.last_mut().unwrap().reason = reason;
        self
    }

    pub(crate) fn build(self) -> Jobs {
        self.0
    }
}

fn symbols(names: &str, symbols: &mut Symbols) -> Vec<Symbol> {
    names.split_whitespace().map(|name| symbols.intern(name)).collect()
}

/// The first word is the base; the second value holds flags that no table has.
fn words(
    text: &str,
    symbols: &mut Symbols,
    base_of: fn(&str) -> Option<u8>,
    flag_of: fn(&str) -> Option<u8>,
) -> (State, Vec<Symbol>) {
    let mut words = text.split_whitespace();
    let base = words.next().unwrap_or_default();
    let base = base_of(base).map_or_else(|| Word::Other(symbols.intern(base)), Word::Known);
    let (mut flags, mut others) = (0, Vec::new());
    for word in words {
        match flag_of(word) {
            Some(flag) => flags |= 1 << flag,
            None => others.push(symbols.intern(word)),
        }
    }
    (State { base, flags }, others)
}
