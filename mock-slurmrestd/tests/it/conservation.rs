//! Laws that hold in every cluster at every time, tried on random ones.
//! Not here: whether the numbers are believable.

use mock_slurmrestd::cluster::job::{ArrayRole, JobState};
use mock_slurmrestd::cluster::{Cluster, Size};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

fn check(cluster: &Cluster) {
    let inventory = cluster.inventory();
    let (mut cores, mut gpus) = (vec![0u128; inventory.nodes.len()], vec![0u8; inventory.nodes.len()]);
    let mut memory = vec![0u32; inventory.nodes.len()];
    for job in cluster.jobs().iter().filter(|job| job.holds_resources(cluster.now())) {
        assert_eq!(job.allocation.len(), job.request.nodes as usize);
        for part in &job.allocation {
            let node = part.node as usize;
            assert_eq!(part.cores.count_ones(), u32::from(job.request.cpus_per_node));
            assert_eq!(cores[node] & part.cores, 0, "a core is held twice");
            assert_eq!(gpus[node] & part.gpus, 0, "a GPU is held twice");
            cores[node] |= part.cores;
            gpus[node] |= part.gpus;
            memory[node] += part.memory_mb;
            assert!(!cluster.nodes()[node].down, "a job runs on a dead node");
        }
    }
    for (index, node) in cluster.nodes().iter().enumerate() {
        let kind = inventory.node_type(index as u32);
        assert_eq!(
            (node.cores, node.gpus, node.allocated_memory_mb),
            (cores[index], gpus[index], memory[index])
        );
        assert!(node.allocated_cpus() <= kind.cpus && node.allocated_gpus() <= kind.gpus);
        assert!(node.allocated_memory_mb <= kind.memory_mb);
    }
    let ids: BTreeSet<u32> = cluster.jobs().iter().map(|job| job.id).collect();
    assert_eq!(ids.len(), cluster.jobs().len(), "an id is used twice");
    for job in cluster.jobs() {
        assert!(job.tasks() >= 1);
        match job.state {
            JobState::Pending => assert!(job.allocation.is_empty()),
            _ => assert!(job.start <= job.end),
        }
        if let ArrayRole::Waiting { limit, running, .. } = job.role {
            assert!(limit == 0 || running <= limit);
        }
    }
    sums(cluster);
    licenses(cluster);
    shares(cluster);
    het(cluster);
}

fn licenses(cluster: &Cluster) {
    let mut used = vec![0; cluster.licenses().len()];
    for job in cluster.jobs().iter().filter(|job| job.holds_resources(cluster.now())) {
        if let Some(taken) = job.request.licenses {
            used[usize::from(taken.license)] += u32::from(taken.count);
        }
    }
    for (license, used) in cluster.licenses().iter().zip(used) {
        assert_eq!(license.used, used, "{}", license.name);
        assert!(license.used <= license.total && license.reserved <= license.total, "{license:?}");
    }
}

fn shares(cluster: &Cluster) {
    let associations = &cluster.inventory().associations;
    let mut below = vec![0.0; associations.len()];
    for (index, (share, association)) in cluster.shares().iter().zip(associations).enumerate() {
        let fits = |part: f64| (0.0..=1.0 + 1e-9).contains(&part);
        assert!(share.usage.billing >= 0.0 && fits(share.normalized_usage) && fits(share.effective_usage));
        assert_eq!(share.factor.is_some(), association.user.is_some());
        if let Some(parent) = association.parent {
            below[parent as usize] += share.usage.billing;
            let running = cluster.jobs_running_in(index as u32);
            assert!(running <= cluster.jobs_running_in(parent));
        }
    }
    for ((share, association), below) in cluster.shares().iter().zip(associations).zip(below) {
        if association.user.is_none() {
            assert!((share.usage.billing - below).abs() <= 1e-6 * below.max(1.0));
        }
    }
}

/// Components are all there, wait together and start together.
fn het(cluster: &Cluster) {
    let find = |id: u32| cluster.jobs().iter().find(|job| job.id == id);
    for job in cluster.jobs() {
        let Some(het) = job.het else { continue };
        let waits = |id: u32| find(id).map(|other| other.state == JobState::Pending);
        if job.state == JobState::Pending {
            assert!(het.ids().all(|id| waits(id) == Some(true)), "{job:?}");
        }
    }
}

fn sums(cluster: &Cluster) {
    let oracle = cluster.oracle();
    let nodes: u64 = oracle.nodes_by_base.values().sum();
    assert_eq!(nodes, oracle.nodes);
    assert!(oracle.cpus.allocated <= oracle.cpus.total);
    assert!(oracle.gpus.allocated <= oracle.gpus.total);
    assert!(oracle.memory_bytes.allocated <= oracle.memory_bytes.total);
    let waiting: u64 = oracle.pending_by_reason.values().sum();
    assert_eq!(waiting, oracle.jobs_by_state.get("PENDING").copied().unwrap_or(0));
    let tasks: u64 = cluster.jobs().iter().map(|job| u64::from(job.tasks())).sum();
    assert_eq!(tasks, oracle.jobs_by_state.values().sum::<u64>());
    let count = |state: &str| oracle.jobs_by_state.get(state).copied().unwrap_or(0);
    assert_eq!(cluster.pending_and_running(), (count("PENDING"), count("RUNNING")));
    let running: u64 = oracle.partitions.values().map(|partition| partition.running).sum();
    assert_eq!(running, oracle.jobs_by_state.get("RUNNING").copied().unwrap_or(0));
    for partition in oracle.partitions.values() {
        assert_eq!(partition.nodes_by_base.values().sum::<u64>(), partition.nodes);
        assert!(partition.cpus.allocated <= partition.cpus.total);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_held_twice_or_lost(
        nodes in 1u32..150,
        jobs in 0u32..1_500,
        partitions in 1u16..9,
        pending_share in 0.0f64..1.0,
        seed in any::<u64>(),
        steps in prop::collection::vec(1u64..4_000, 1..6),
    ) {
        let size = Size { partitions, pending_share, ..Size::of(nodes, jobs) };
        let mut cluster = Cluster::new(&size, seed);
        check(&cluster);
        prop_assert_eq!(cluster.jobs().len(), jobs as usize);
        for step in steps {
            cluster.advance(Duration::from_secs(step));
            check(&cluster);
        }
    }
}

#[test]
fn a_day_brings_everything_that_happens_in_a_cluster_and_the_queue_stays() {
    let size = Size { finished_share: 0.02, cloud_nodes: 10, partitions: 5, ..Size::of(200, 1_000) };
    let mut cluster = Cluster::new(&size, 3);
    let (mut job_flags, mut used, mut any_het) = (BTreeSet::new(), 0.0, false);
    let (mut states, mut reasons, mut flags) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    const STEPS: u32 = 24 * 12;
    for _ in 0..STEPS {
        cluster.advance(Duration::from_secs(300));
        let oracle = cluster.oracle();
        states.extend(oracle.jobs_by_state.keys().copied());
        reasons.extend(oracle.pending_by_reason.keys().copied());
        flags.extend(oracle.nodes_by_flag.keys().copied());
        assert!((500..2_000).contains(&oracle.job_records), "{} records", oracle.job_records);
        let use_now = oracle.cpus.allocated as f64 / oracle.cpus.total as f64;
        assert!(use_now > 0.3, "{:?}", oracle.cpus);
        used += use_now / STEPS as f64;
        any_het |= cluster.jobs().iter().any(|job| job.het.is_some() && job.state == JobState::Running);
        job_flags.extend(oracle.jobs_by_flag.keys().copied());
    }
    assert!(used > 0.65, "on average {used} of the CPUs are in use");
    check(&cluster);
    for state in ["PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED"] {
        assert!(states.contains(state), "no {state} in {states:?}");
    }
    for reason in [
        "Priority",
        "Resources",
        "Dependency",
        "JobHeldUser",
        "BeginTime",
        "QOSMaxCpuPerUserLimit",
        "QOSMaxJobsPerUserLimit",
        "QOSGrpCpuLimit",
        "AssocGrpCpuLimit",
        "AssocMaxJobsLimit",
        "JobArrayTaskLimit",
        "JobHeldAdmin",
        "Licenses",
        "Reservation",
        "ReqNodeNotAvail",
        "BadConstraints",
        "PartitionTimeLimit",
    ] {
        assert!(reasons.contains(reason), "no {reason} in {reasons:?}");
    }
    for flag in [
        "RESERVED",
        "MAINTENANCE",
        "CLOUD",
        "POWERED_DOWN",
        "POWERING_UP",
        "POWERING_DOWN",
        "DRAIN",
        "COMPLETING",
        "NOT_RESPONDING",
        "FAIL",
        "PLANNED",
        "INVALID_REG",
    ] {
        assert!(flags.contains(flag), "no {flag} in {flags:?}");
    }
    for flag in ["CONFIGURING", "COMPLETING", "POWER_UP_NODE", "REQUEUED", "SPECIAL_EXIT"] {
        assert!(job_flags.contains(flag), "no {flag} in {job_flags:?}");
    }
    assert!(any_het, "no heterogeneous job ran");
    assert!(cluster.history().jobs().len() > 10_000);
    let stats = cluster.stats();
    assert!(stats.schedule.count > 100 && stats.backfill.count > 100 && stats.backfilled > 0);
    // Counted from midnight.
    assert!(stats.completed > 0 && stats.canceled > 0 && stats.failed > 0);
    assert!(cluster.now_unix() - stats.since / 1_000 < 86_400);
}

#[test]
fn a_long_queue_neither_starves_the_nodes_nor_itself() {
    let size = Size { cloud_nodes: 10, partitions: 8, ..Size::of(400, 6_000) };
    let mut cluster = Cluster::new(&size, 11);
    for hour in 1..=4 {
        let before = cluster.stats().started;
        cluster.advance(Duration::from_secs(3_600));
        let started = cluster.stats().started - before;
        let cpus = cluster.oracle().cpus;
        let used = cpus.allocated as f64 / cpus.total as f64;
        assert!(started > u64::from(size.jobs_per_hour) * 7 / 10, "{started} started in hour {hour}");
        assert!(used > 0.7, "{used} of the CPUs are in use in hour {hour}");
    }
}
