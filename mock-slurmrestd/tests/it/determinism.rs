//! The same seed and the same commands give the same bytes; another seed gives others.
//! Not here: reproducible arrival times of requests, which real clients decide.

use mock_slurmrestd::cluster::job::JobState;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::presets;
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Style, write};
use std::time::Duration;

fn bytes(seed: u64, steps: &[u64]) -> Vec<u8> {
    let mut cluster = Cluster::new(&presets::by_name("small").unwrap().size, seed);
    for step in steps {
        cluster.advance(Duration::from_secs(*step));
    }
    let mut bytes = Vec::new();
    for endpoint in Endpoint::ALL {
        write(&cluster, ApiVersion::V0_0_45, endpoint, Style::Compact, &mut bytes);
    }
    bytes
}

#[test]
fn the_same_seed_and_commands_give_the_same_bytes() {
    assert_eq!(bytes(7, &[60, 600]), bytes(7, &[60, 600]));
    assert_ne!(bytes(7, &[60, 600]), bytes(8, &[60, 600]));
}

#[test]
fn the_size_of_the_steps_does_not_matter() {
    assert_eq!(bytes(7, &[660]), bytes(7, &[1; 660]));
}

#[test]
fn a_size_has_exactly_the_records_that_were_asked_for() {
    for (nodes, jobs) in [(1, 0), (10, 1), (100, 1_000), (50, 8_000), (1_000, 10_000)] {
        let cluster = Cluster::new(&Size::of(nodes, jobs), 1);
        assert_eq!((cluster.nodes().len(), cluster.jobs().len()), (nodes as usize, jobs as usize));
        let running = cluster.jobs_in(JobState::Running).count() as u32;
        assert_eq!(running, Size::of(nodes, jobs).running_jobs(), "{nodes} nodes, {jobs} jobs");
    }
}
