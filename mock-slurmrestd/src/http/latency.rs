//! How long a real slurmrestd takes: a fit to measurements of Slurm 26.05.5 on two cores with 1,000 nodes and up to
//! 20,000 jobs. Not here: latency as a fault (faults/), or waiting for a worker (service.rs).

use super::router::Route;
use crate::cluster::Cluster;
use crate::cluster::job::JobState;
use crate::wire::{Endpoint, Release};
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

/// How much of the real latency is imitated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// As fast as the simulator can.
    None,
    /// The real latency times this factor, with workers and a queue.
    Scaled(f64),
}

impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "real" => Ok(Self::Scaled(1.0)),
            number => match number.parse::<f64>() {
                Ok(scale) if scale.is_finite() && scale >= 0.0 => Ok(Self::Scaled(scale)),
                _ => Err(format!("expected none, real or a factor such as 0.5, not {text:?}")),
            },
        }
    }
}

/// What one request costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// Small answers: everyone is served at once, and each other request slows them down.
    Shared(Duration),
    /// Large answers: a worker is busy for so long, and who finds none waits.
    Queued(Duration),
}

impl Latency {
    /// What the request costs with so many in flight, itself included; `None` when nothing is imitated.
    pub(super) fn pace(self, route: &Route, cluster: &Cluster, in_flight: u64) -> Option<Pace> {
        let Self::Scaled(scale) = self else { return None };
        let cost = cost(route.endpoint, cluster);
        // 24.11 was measured beside: 114 ms for 1,000 nodes, 2.3 s for 5,021 jobs. Older ones are taken for it.
        let scale = if route.face.release < Release::S26_05 { 1.33 * scale } else { scale };
        let duration = |milliseconds: f64| {
            Duration::from_secs_f64((scale * milliseconds - OWN_MILLISECONDS).max(0.0) / 1_000.0)
        };
        Some(match cost {
            Cost::Shared { base, each } => Pace::Shared(duration(base + each * in_flight as f64)),
            Cost::Queued(milliseconds) => Pace::Queued(duration(milliseconds)),
        })
    }
}

/// What a small request takes here anyway, over loopback.
const OWN_MILLISECONDS: f64 = 0.17;

/// Milliseconds.
enum Cost {
    Shared { base: f64, each: f64 },
    Queued(f64),
}

fn cost(endpoint: Endpoint, cluster: &Cluster) -> Cost {
    let jobs = cluster.jobs().len() as f64;
    let shared = |base, each| Cost::Shared { base, each };
    match endpoint {
        Endpoint::Ping | Endpoint::DbPing => shared(0.57, 0.215),
        Endpoint::Diag | Endpoint::DbDiag => shared(0.66, 0.33),
        Endpoint::Partitions => shared(0.9, 0.235 * cluster.inventory().partitions.len() as f64),
        Endpoint::Nodes => Cost::Queued(0.8 + 0.083 * cluster.nodes().len() as f64),
        Endpoint::Jobs => Cost::Queued(0.8 + 0.27 * jobs * (1.0 + jobs / 20_000.0)),
        Endpoint::DbJobs => Cost::Queued(0.8 + 0.5 * jobs),
        Endpoint::JobsState => {
            let waiting: u32 = cluster.jobs_in(JobState::Pending).map(|job| job.tasks() - 1).sum();
            let tasks = jobs + f64::from(waiting);
            Cost::Queued(0.8 + 0.0045 * tasks * (1.0 + tasks / 6_000.0))
        }
        Endpoint::OpenApi => Cost::Queued(250.0),
        Endpoint::Shares | Endpoint::DbAssociations | Endpoint::DbConfig => {
            shared(0.9, 0.09 * cluster.inventory().users.len() as f64)
        }
        _ => shared(0.8, 0.93),
    }
}

/// The timer of the runtime counts in milliseconds.
const COARSE: Duration = Duration::from_millis(3);

/// Sleeps to within a tenth of a millisecond.
pub(super) async fn sleep_until(done: Instant) {
    if let Some(early) = done.checked_sub(COARSE) {
        tokio::time::sleep_until(early).await;
    }
    let left = done.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        // It cannot fail: the closure does not panic. A cancelled one means that the runtime ends.
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Size;

    /// Milliseconds with so many clients in a closed loop on two workers.
    fn modelled(endpoint: Endpoint, cluster: &Cluster, clients: u32) -> f64 {
        let workers = 2;
        match cost(endpoint, cluster) {
            Cost::Shared { base, each } => base + each * f64::from(clients),
            Cost::Queued(milliseconds) => milliseconds * f64::from(clients.div_ceil(workers)),
        }
    }

    /// The p50 of a closed loop with 1, 2, 4 and 16 clients, as measured on Slurm 26.05.5.
    #[test]
    fn real_latency_is_within_15_percent_of_what_was_measured() {
        let cluster = |nodes, jobs| Cluster::new(&Size::of(nodes, jobs), 1);
        let (nodes, jobs, more_jobs) = (cluster(1_000, 10), cluster(10, 1_017), cluster(10, 5_021));
        for (endpoint, cluster, measured) in [
            (Endpoint::Ping, &nodes, [Some(0.8), Some(1.0), Some(1.5), Some(4.0)]),
            (Endpoint::Diag, &nodes, [Some(1.0), Some(1.5), Some(2.0), Some(6.0)]),
            (Endpoint::Nodes, &nodes, [Some(84.0), Some(96.0), Some(177.0), Some(611.0)]),
            (Endpoint::Jobs, &jobs, [Some(293.0), Some(305.0), Some(574.0), Some(2_295.0)]),
            (Endpoint::Jobs, &more_jobs, [Some(1_750.0), Some(1_700.0), Some(3_600.0), None]),
        ] {
            for (clients, measured) in [1, 2, 4, 16].into_iter().zip(measured) {
                let Some(measured) = measured else { continue };
                let modelled = modelled(endpoint, cluster, clients);
                assert!(
                    (modelled / measured - 1.0f64).abs() <= 0.15,
                    "{endpoint} with {clients} clients: {modelled} ms against {measured} ms"
                );
            }
        }
    }

    #[test]
    fn the_flag_takes_two_words_or_a_factor() {
        assert_eq!("none".parse(), Ok(Latency::None));
        assert_eq!("real".parse(), Ok(Latency::Scaled(1.0)));
        assert_eq!("0.25".parse(), Ok(Latency::Scaled(0.25)));
        for bad in ["-1", "fast", "", "inf"] {
            assert!(bad.parse::<Latency>().is_err(), "{bad}");
        }
    }
}
