//! How long a real slurmrestd takes: a fit to measurements of Slurm 26.05.5 with 1,000 nodes and up to 20,000 jobs.
//! Not here: waiting for a free worker (mod.rs), or latency as a fault (faults.rs).

use crate::cluster::Cluster;
use crate::cluster::job::JobState;
use crate::wire::Endpoint;
use std::str::FromStr;
use std::time::Duration;

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

impl Latency {
    /// The time that one worker spends on the request, or `None` when nothing is imitated.
    pub(super) fn service_time(self, endpoint: Endpoint, cluster: &Cluster) -> Option<Duration> {
        let Self::Scaled(scale) = self else { return None };
        Some(Duration::from_secs_f64(scale * milliseconds(endpoint, cluster) / 1_000.0))
    }
}

fn milliseconds(endpoint: Endpoint, cluster: &Cluster) -> f64 {
    let jobs = cluster.jobs().len() as f64;
    match endpoint {
        Endpoint::Ping => 0.8,
        Endpoint::Diag => 1.0,
        Endpoint::Partitions => 0.8 + 0.27 * cluster.inventory().partitions.len() as f64,
        Endpoint::Nodes => 0.8 + 0.085 * cluster.nodes().len() as f64,
        Endpoint::Jobs => 0.8 + 0.27 * jobs * (1.0 + jobs / 20_000.0),
        Endpoint::JobsState => {
            let waiting: u32 = cluster.jobs_in(JobState::Pending).map(|job| job.tasks() - 1).sum();
            let tasks = jobs + f64::from(waiting);
            0.8 + 0.0045 * tasks * (1.0 + tasks / 6_000.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Size;

    #[test]
    fn real_latency_is_within_a_quarter_of_what_was_measured() {
        let of = |endpoint, nodes, jobs| milliseconds(endpoint, &Cluster::new(&Size::of(nodes, jobs), 1));
        for (endpoint, nodes, jobs, measured) in [
            (Endpoint::Nodes, 1_000, 10, 84.0),
            (Endpoint::Jobs, 10, 1_017, 293.0),
            (Endpoint::Jobs, 10, 5_021, 1_700.0),
        ] {
            let modelled = of(endpoint, nodes, jobs);
            assert!(
                (modelled / measured - 1.0f64).abs() < 0.25,
                "{endpoint} {modelled} ms against {measured} ms"
            );
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
