//! Qualities of service and their limits.
//! Not here: what users hold in them (usage.rs).

/// One QOS; what is `None` is not limited.
#[derive(Clone, Debug)]
pub struct Qos {
    /// Slurm's number for it, from 1.
    pub id: u32,
    pub name: &'static str,
    pub description: &'static str,
    pub priority: u32,
    pub usage_factor: f64,
    /// `MaxTRESPU=cpu=N`: CPUs that one user may hold in it.
    pub max_cpus_per_user: Option<u32>,
    /// `MaxJobsPU`: jobs that one user may run in it.
    pub max_jobs_per_user: Option<u32>,
    /// `MaxSubmitPU`: tasks that one user may have in it.
    pub max_submit_per_user: Option<u32>,
    /// `GrpTRES=cpu=N`: CPUs that all hold in it together.
    pub grp_cpus: Option<u32>,
    /// `MaxWall`.
    pub max_wall_minutes: Option<u32>,
    /// Names of those that it may preempt.
    pub preempts: &'static [&'static str],
}

pub const NORMAL: u8 = 0;

/// In the order of their ids, with limits in proportion to the cluster's CPUs.
pub(super) fn list(cpus: u64) -> Vec<Qos> {
    let part = |share: f64| Some(((cpus as f64 * share) as u32).max(1));
    let plain = Qos {
        id: 1,
        name: "normal",
        description: "Normal QOS default",
        priority: 10_000,
        usage_factor: 1.0,
        max_cpus_per_user: part(0.4),
        max_jobs_per_user: None,
        max_submit_per_user: None,
        grp_cpus: None,
        max_wall_minutes: None,
        preempts: &[],
    };
    vec![
        plain.clone(),
        Qos {
            id: 2,
            name: "high",
            description: "high",
            priority: 50_000,
            max_cpus_per_user: None,
            max_jobs_per_user: Some((cpus / 2_000).clamp(2, 50) as u32),
            max_wall_minutes: Some(2_880),
            usage_factor: 2.0,
            ..plain.clone()
        },
        Qos {
            id: 3,
            name: "low",
            description: "low",
            priority: 0,
            max_cpus_per_user: part(0.1),
            max_submit_per_user: Some(50_000),
            grp_cpus: part(0.5),
            usage_factor: 0.5,
            ..plain
        },
    ]
}
