//! What is one per cluster: source, schedule, board and telemetry, from the start of polling to its end.
//! The clusters share the page and nothing else, so that a dead one takes nothing from the others.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::task::{JoinError, JoinHandle};

use super::rules;
use crate::collectors::{COLLECTORS, Collector, Settings};
use crate::config::{Collection, Collectors, Config, Slurm};
use crate::exposition::{Batch, Names, Publisher};
use crate::ha::Role;
use crate::legacy;
use crate::lifecycle::Pseudonyms;
use crate::model::{Endpoint, Snapshot};
use crate::schedule::{self, Board, Budget, Cluster, Memory, Plan};
use crate::server::Readiness;
use crate::source::{self, Source};
use crate::telemetry::{self, Telemetry};

/// What all clusters have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) publisher: Arc<Publisher>,
    pub(super) legacy: Arc<legacy::Pages>,
    pub(super) pseudonyms: Option<Pseudonyms>,
    pub(super) budget: Arc<Budget>,
    /// Of the exporter's own histograms.
    pub(super) buckets: telemetry::Buckets,
}

impl Shared {
    /// For this configuration, with nothing published yet.
    ///
    /// # Errors
    /// When what is to be done to the page is not possible.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let sets = config.metrics.legacy.iter().filter_map(|name| legacy::by_name(name));
        Ok(Self {
            publisher: Arc::new(Publisher::with_rules(Names::default(), rules::rules(&config.metrics)?)),
            legacy: Arc::new(legacy::Pages::new(sets)),
            pseudonyms: rules::pseudonyms(&config.metrics)?,
            budget: Arc::new(Budget::new(config.collection.max_workers)),
            buckets: config.metrics.own.buckets.clone(),
        })
    }
}

/// The clusters that are polled; dropping it ends the polling.
#[derive(Debug)]
pub(super) struct Clusters {
    shared: Shared,
    /// Whether this process leads.
    leads: bool,
    polled: Vec<Polled>,
    boards: Arc<ArcSwap<Vec<Arc<Board>>>>,
}

/// One cluster while it is polled.
#[derive(Debug)]
struct Polled {
    terms: Box<Terms>,
    kept: Kept,
    polling: JoinHandle<()>,
}

/// What outlives a change of a cluster's settings, so that no counter of it starts again.
#[derive(Clone, Debug)]
struct Kept {
    board: Arc<Board>,
    telemetry: Arc<Telemetry>,
    memory: Memory,
}

/// All that makes the polling of a cluster what it is.
#[derive(Clone, Debug, PartialEq)]
struct Terms {
    slurm: Slurm,
    collection: Collection,
    collectors: Collectors,
    settings: Settings,
    duty: Duty,
}

/// What the polling is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Duty {
    Serve,
    /// To know what is going on, should this process lead: everything is read this slowly, or not at all if it is zero.
    StandBy(Duration),
}

/// A cluster of a new configuration: one that goes on as it is, or the settings and the source of another.
#[derive(Debug)]
enum Planned {
    AsBefore(usize),
    New { terms: Box<Terms>, source: Arc<dyn Source>, before: Option<usize> },
}

impl Clusters {
    /// Starts to poll every configured cluster, slowly if another process leads.
    ///
    /// # Errors
    /// When the source of one cannot be set up.
    pub(super) async fn start(config: &Config, shared: Shared, leads: bool) -> anyhow::Result<Self> {
        let mut clusters = Self { shared, leads, polled: Vec::new(), boards: Arc::default() };
        clusters.reload(config).await?;
        Ok(clusters)
    }

    /// Serves the clusters from now on, or leaves that to another process.
    ///
    /// # Errors
    /// When the source of one cannot be set up; then nothing has changed.
    pub(super) async fn lead(&mut self, leads: bool, config: &Config) -> anyhow::Result<()> {
        let before = std::mem::replace(&mut self.leads, leads);
        self.reload(config).await.inspect_err(|_| self.leads = before)
    }

    /// Whether the clusters are served.
    pub(super) fn leads(&self) -> bool {
        self.leads
    }

    /// Goes over to another configuration. A cluster whose settings are the same is left alone; one whose settings
    /// changed goes on with its counts, and with its readings if it is the same slurmrestd.
    ///
    /// # Errors
    /// When the source of one cannot be set up; then nothing has changed.
    pub(super) async fn reload(&mut self, config: &Config) -> anyhow::Result<()> {
        let planned = self.plan(config)?;
        let mut before: Vec<_> = std::mem::take(&mut self.polled).into_iter().map(Some).collect();
        let mut starting = Vec::new();
        for plan in planned {
            match plan {
                Planned::AsBefore(index) => self.polled.extend(before[index].take()),
                Planned::New { terms, source, before: index } => {
                    let kept = match index.and_then(|index| before[index].take()) {
                        Some(polled) => polled.change(&terms, &self.shared).await,
                        None => Kept::new(&terms, &self.shared),
                    };
                    starting.push((terms, source, kept));
                }
            }
        }
        for gone in before.into_iter().flatten() {
            gone.stop().await;
        }
        // The order of the configuration is of no consequence, that of starting is: first the others have ended.
        let boards =
            self.polled.iter().map(|polled| &polled.kept).chain(starting.iter().map(|(_, _, kept)| kept));
        let boards: Vec<_> = boards.map(|kept| Arc::clone(&kept.board)).collect();
        self.shared.publisher.retain(names(config, &boards));
        self.boards.store(Arc::new(boards));
        for (terms, source, kept) in starting {
            let cluster = cluster(&terms, source, &kept, &self.shared);
            let polling = tokio::spawn(schedule::run(cluster));
            self.polled.push(Polled { terms, kept, polling });
        }
        Ok(())
    }

    fn plan(&self, config: &Config) -> anyhow::Result<Vec<Planned>> {
        let plan = |(index, slurm): (usize, &Slurm)| {
            let terms = Terms {
                slurm: slurm.clone(),
                collection: config.collection.clone(),
                collectors: config.collectors.clone(),
                settings: config.inside.clone(),
                duty: if self.leads { Duty::Serve } else { Duty::StandBy(config.ha.standby_interval) },
            };
            let before = self.polled.iter().position(|polled| polled.is_of(slurm));
            if let Some(same) = before
                && *self.polled[same].terms == terms
            {
                return Ok(Planned::AsBefore(same));
            }
            let source = source::open(slurm)
                .with_context(|| format!("failed to set up {}", config.key_of_cluster(index, "url")))?;
            Ok(Planned::New { terms: Box::new(terms), source, before })
        };
        config.clusters().iter().enumerate().map(plan).collect()
    }

    /// Publishes what is known of the polling now, rather than within a second.
    pub(super) fn report(&self) {
        for polled in &self.polled {
            self.shared.publisher.replace(polled.kept.telemetry.encode());
        }
    }

    /// How the clusters are doing, at any time.
    pub(super) fn boards(&self) -> Arc<ArcSwap<Vec<Arc<Board>>>> {
        Arc::clone(&self.boards)
    }

    /// Completes when the polling of any cluster ends, which it never does by itself.
    pub(super) async fn ended(&mut self) -> Result<(), JoinError> {
        poll_fn(|context| {
            let mut handles = self.polled.iter_mut().map(|polled| Pin::new(&mut polled.polling));
            handles
                .find_map(|handle| match handle.poll(context) {
                    Poll::Ready(ended) => Some(Poll::Ready(ended)),
                    Poll::Pending => None,
                })
                .unwrap_or(Poll::Pending)
        })
        .await
    }
}

impl Shared {
    /// Takes what is served of a cluster from every page.
    fn withdraw(&self, label: &str) {
        let nothing = COLLECTORS.iter().map(|collector| Batch::new(collector.name, Some(label)));
        self.publisher.replace(nothing);
        for endpoint in Endpoint::ALL {
            self.legacy.publish(&Snapshot::default(), endpoint, label);
        }
    }
}

impl Polled {
    /// Whether these are settings of the same cluster: its series would be the same.
    fn is_of(&self, slurm: &Slurm) -> bool {
        match &slurm.name {
            Some(name) => self.kept.board.cluster().as_deref() == Some(name.as_str()),
            None => self.terms.slurm.name.is_none() && self.terms.slurm.is_same_place(slurm),
        }
    }

    async fn stop(mut self) {
        self.polling.abort();
        // It ends by the abort; that is no news.
        let _ = (&mut self.polling).await;
    }

    async fn change(self, terms: &Terms, shared: &Shared) -> Kept {
        let kept = self.kept.clone();
        let lacks_details = terms.slurm.job_details && !self.terms.slurm.job_details;
        let same_slurm = self.terms.slurm.is_same_place(&terms.slurm);
        self.stop().await;
        if !same_slurm {
            kept.memory.clear().await;
        } else if lacks_details {
            kept.memory.ask_for_all_jobs().await;
        }
        if terms.duty == Duty::StandBy(Duration::ZERO) {
            // Nothing will be read until it is too old.
            kept.memory.clear().await;
        }
        if terms.duty != Duty::Serve
            && let Some(label) = kept.board.cluster()
        {
            shared.withdraw(&label);
        }
        kept.board.set_endpoints(&terms.endpoints(&shared.legacy));
        kept.telemetry.expect(&names_of(&terms.collectors()));
        kept
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl Kept {
    fn new(terms: &Terms, shared: &Shared) -> Self {
        let label = terms.slurm.name.as_deref().map(Into::into);
        let board = Arc::new(Board::new(label, &terms.endpoints(&shared.legacy)));
        let names = names_of(&terms.collectors());
        let telemetry = Telemetry::with_buckets(Arc::clone(&board), &names, shared.buckets.clone());
        let telemetry = Arc::new(telemetry);
        Self { board, telemetry, memory: Memory::default() }
    }
}

impl Terms {
    fn collectors(&self) -> Vec<&'static Collector> {
        let is_enabled = |collector: &&Collector| self.collectors.is_enabled(collector.name);
        COLLECTORS.iter().copied().filter(is_enabled).collect()
    }

    fn endpoints(&self, legacy: &legacy::Pages) -> Vec<Endpoint> {
        let collectors = self.collectors();
        // Ping is asked in any case: without it nobody could tell an outage from an idle cluster.
        let is_needed = |endpoint: &Endpoint| {
            *endpoint == Endpoint::Ping
                || self.duty != Duty::StandBy(Duration::ZERO)
                    && (collectors.iter().any(|collector| collector.needs.contains(endpoint))
                        || legacy.need(*endpoint))
        };
        Endpoint::ALL.into_iter().filter(is_needed).collect()
    }
}

fn cluster(terms: &Terms, source: Arc<dyn Source>, kept: &Kept, shared: &Shared) -> Cluster {
    let (collection, collectors, legacy) = match terms.duty {
        Duty::Serve => (terms.collection.clone(), terms.collectors(), Arc::clone(&shared.legacy)),
        // Nothing that is read is published.
        Duty::StandBy(every) => (terms.collection.slowed(every), Vec::new(), Arc::default()),
    };
    let mut settings = terms.settings.clone();
    if let Some(pseudonyms) = &shared.pseudonyms {
        // The collectors see no other names.
        let users = &mut settings.users.exclude;
        *users = users.iter().map(|user| pseudonyms.of(user)).collect();
    }
    Cluster {
        source,
        plan: Plan {
            endpoints: terms.endpoints(&shared.legacy),
            collection,
            max_in_flight: terms.slurm.in_flight(),
            circuit_breaker: terms.slurm.circuit_breaker.clone(),
        },
        collectors,
        settings,
        pseudonyms: shared.pseudonyms.clone(),
        board: Arc::clone(&kept.board),
        publisher: Arc::clone(&shared.publisher),
        legacy,
        telemetry: Arc::clone(&kept.telemetry),
        memory: kept.memory.clone(),
        budget: Arc::clone(&shared.budget),
        seed: fastrand::u64(..),
    }
}

fn names_of(collectors: &[&'static Collector]) -> Vec<&'static str> {
    collectors.iter().map(|collector| collector.name).collect()
}

/// What may be asked for, also before it is on the page.
fn names(config: &Config, boards: &[Arc<Board>]) -> Names {
    let collectors = COLLECTORS.iter().map(|collector| collector.name);
    let enabled = collectors.filter(|name| config.collectors.is_enabled(name));
    let label =
        |board: &Arc<Board>| board.cluster().map_or(telemetry::UNNAMED.to_owned(), |name| name.to_string());
    let labels: BTreeSet<_> = boards.iter().map(label).collect();
    Names { collectors: enabled.chain([telemetry::COLLECTOR]).map(str::to_owned).collect(), clusters: labels }
}

/// On a standby never. Ready once any cluster is: to wait for a dead one would take the others out of the Service as well. With several
/// clusters each line begins with the name of its own.
pub(super) fn readiness(role: &Role, boards: &[Arc<Board>]) -> Readiness {
    let mut ready = false;
    let mut endpoints = Vec::new();
    if let Role::Standby { leader } = role {
        let leader = leader.as_deref().unwrap_or("nobody known");
        endpoints.push(format!("standing by: {leader} leads"));
    }
    for board in boards {
        let cluster = board.cluster();
        let of_one = board.readiness();
        ready |= of_one.ready;
        endpoints.extend(of_one.endpoints.into_iter().map(|line| match &cluster {
            Some(name) if boards.len() > 1 => format!("{name}/{line}"),
            _ => line,
        }));
    }
    Readiness { ready: ready && role.leads(), endpoints }
}
