//! The one word that `squeue` and `sinfo` show for a job or a node that has several: what vpenso and rivosinc label
//! with. The order of precedence is Slurm's (`job_state_string` and `node_state_string`, Slurm source 24.11).

use crate::model::state::{Word, job_base, job_flag, mask, node_base, node_flag};
use crate::model::{Job, Jobs, Node, Nodes};

/// Flags that hide a job's base state, first match first.
const JOB_FLAGS: [u8; 12] = [
    job_flag::COMPLETING,
    job_flag::STAGE_OUT,
    job_flag::CONFIGURING,
    job_flag::RESIZING,
    job_flag::REQUEUED,
    job_flag::REQUEUE_FED,
    job_flag::REQUEUE_HOLD,
    job_flag::SPECIAL_EXIT,
    job_flag::STOPPED,
    job_flag::REVOKED,
    job_flag::RESV_DEL_HOLD,
    job_flag::SIGNALING,
];

/// `squeue -o %T` in lower case.
pub(super) fn of_job<'a>(jobs: &'a Jobs, job: &Job) -> &'a str {
    match JOB_FLAGS.into_iter().find(|flag| job.state.has_flag(*flag)) {
        Some(flag) => job_flag::WORDS[usize::from(flag)],
        None => match job.state.base {
            Word::Known(base) => job_base::WORDS[usize::from(base)],
            Word::Other(word) => jobs.symbols.resolve(word),
        },
    }
}

/// `sinfo -o %T` without the sign that follows the word.
pub(super) fn of_node<'a>(nodes: &'a Nodes, node: &Node) -> &'a str {
    let state = node.state;
    let is = |base| state.has_base(base);
    let works = is(node_base::ALLOCATED) || is(node_base::MIXED) || state.has_flag(node_flag::COMPLETING);
    if state.has_flag(node_flag::MAINTENANCE) && is(node_base::IDLE) && !state.has_flag(node_flag::DRAIN) {
        return "maint";
    }
    if state.has_flag(node_flag::DRAIN) {
        return if works { "draining" } else { "drained" };
    }
    if state.has_flag(node_flag::FAIL) {
        return if works { "failing" } else { "fail" };
    }
    if state.has_flag(node_flag::INVALID_REG) {
        return "inval";
    }
    let hides_completing = is(node_base::DOWN) || is(node_base::ALLOCATED);
    if state.has_flag(node_flag::COMPLETING) && !hides_completing {
        return "completing";
    }
    if is(node_base::IDLE) {
        let hidden = [
            (node_flag::RESERVED, "reserved"),
            (node_flag::BLOCKED, "blocked"),
            (node_flag::PLANNED, "planned"),
        ];
        let found = hidden.into_iter().find(|(flag, _)| state.has_flag(*flag));
        return found.map_or("idle", |(_, word)| word);
    }
    match state.base {
        Word::Known(base) => node_base::WORDS[usize::from(base)],
        Word::Other(word) => nodes.symbols.resolve(word),
    }
}

/// Whether `sinfo -o %C` calls the CPUs that nobody uses here "other" rather than idle: a node that takes no jobs.
pub(super) fn has_no_idle_cpus(node: &Node) -> bool {
    node.state.has_base(node_base::DOWN)
        || node.state.has_any(mask(&[node_flag::DRAIN, node_flag::FAIL, node_flag::NOT_RESPONDING]))
}
