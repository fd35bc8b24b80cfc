//! sdiag: what slurmctld counts about itself.

use super::{Facts, Judge, ours, with_zeros};

/// Counts of jobs, which hold still when no job begins or ends.
pub(super) const JOB_COUNTS: Judge = Judge {
    name: "sdiag-jobs",
    command: "sdiag",
    read: |facts, text| read(facts, text, JOB_COUNT_LINES),
    ours: &[
        with_zeros("reset at", "slurm_diag_reset_timestamp_seconds"),
        with_zeros("jobs submitted", "slurm_scheduler_jobs_submitted_total"),
        with_zeros("jobs started", "slurm_scheduler_jobs_started_total"),
        with_zeros("jobs completed", "slurm_scheduler_jobs_completed_total"),
        with_zeros("jobs canceled", "slurm_scheduler_jobs_canceled_total"),
        with_zeros("jobs failed", "slurm_scheduler_jobs_failed_total"),
        with_zeros("backfilled jobs", "slurm_backfill_jobs_total"),
        with_zeros("backfilled components", "slurm_backfill_het_jobs_total"),
    ],
    is_recorded: false,
    moves: false,
};

const JOB_COUNT_LINES: &[Line] = &[
    Line { section: "", begins: "Data since", fact: "reset at" },
    Line { section: "", begins: "Jobs submitted:", fact: "jobs submitted" },
    Line { section: "", begins: "Jobs started:", fact: "jobs started" },
    Line { section: "", begins: "Jobs completed:", fact: "jobs completed" },
    Line { section: "", begins: "Jobs canceled:", fact: "jobs canceled" },
    Line { section: "", begins: "Jobs failed:", fact: "jobs failed" },
    Line {
        section: BACKFILL,
        begins: "Total backfilled jobs (since last slurm start):",
        fact: "backfilled jobs",
    },
    Line {
        section: BACKFILL,
        begins: "Total backfilled heterogeneous job components:",
        fact: "backfilled components",
    },
];

/// Counts of cycles and RPCs, which grow, some of them by being asked for.
pub(super) const CYCLES_AND_RPCS: Judge = Judge {
    name: "sdiag-cycles-and-rpcs",
    command: "sdiag",
    read: |facts, text| {
        read(facts, text, CYCLE_LINES);
        rpcs(facts, text);
    },
    ours: &[
        ours("rpcs {message_type}", "slurm_rpc_requests_total"),
        with_zeros("seconds of rpcs {message_type}", "slurm_rpc_duration_seconds_total"),
        ours("rpcs of user {user}", "slurm_user_rpc_requests_total"),
        with_zeros("seconds of rpcs of user {user}", "slurm_user_rpc_duration_seconds_total"),
        ours("counted jobs at", "slurm_scheduler_job_states_timestamp_seconds"),
        ours("main cycles", "slurm_scheduler_cycles_total"),
        ours("backfill cycles", "slurm_backfill_cycles_total"),
        ours("backfill ran at", "slurm_backfill_last_cycle_timestamp_seconds"),
    ],
    is_recorded: false,
    moves: true,
};

const CYCLE_LINES: &[Line] = &[
    Line { section: "", begins: "Job states ts:", fact: "counted jobs at" },
    Line { section: MAIN, begins: "Total cycles:", fact: "main cycles" },
    Line { section: BACKFILL, begins: "Total cycles:", fact: "backfill cycles" },
    Line { section: BACKFILL, begins: "Last cycle when:", fact: "backfill ran at" },
];

const MAIN: &str = "Main schedule statistics";
const BACKFILL: &str = "Backfilling stats";
const BY_TYPE: &str = "Remote Procedure Call statistics by message type";
const BY_USER: &str = "Remote Procedure Call statistics by user";

/// A line of sdiag by its section, which is empty at the top, and its beginning.
struct Line {
    section: &'static str,
    begins: &'static str,
    fact: &'static str,
}

/// Every line with the heading that it stands under.
fn sections(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let heading =
            [MAIN, "Main scheduler exit", BACKFILL, "Backfill exit", BY_TYPE, BY_USER, "Pending RPC"];
        if let Some(heading) = heading.into_iter().find(|heading| line.starts_with(heading)) {
            section = heading;
            return None;
        }
        Some((section, line.trim()))
    })
}

/// Reads the lines; a moment is the Unix seconds in its brackets.
fn read(facts: &mut Facts, text: &str, lines: &[Line]) {
    for (section, line) in sections(text) {
        let wanted = lines.iter().find(|wanted| wanted.section == section && line.starts_with(wanted.begins));
        if let Some(Line { begins, fact, .. }) = wanted {
            let value = line.rsplit_once('(').filter(|_| line.ends_with(')'));
            let value = value.map_or(&line[begins.len()..], |(_, seconds)| seconds.trim_end_matches(')'));
            facts.insert((*fact).to_owned(), value.trim().parse().unwrap());
        }
    }
}

/// `REQUEST_PING ( 1008) count:64 ave_time:243 total_time:15580`, and the same by user.
fn rpcs(facts: &mut Facts, text: &str) {
    for (section, line) in sections(text) {
        let whose = match section {
            BY_TYPE => "",
            BY_USER => "of user ",
            _ => continue,
        };
        let after = |key| line.split_whitespace().find_map(|word| word.strip_prefix(key));
        let (Some(count), Some(microseconds)) = (after("count:"), after("total_time:")) else { continue };
        let name = line.split_whitespace().next().unwrap();
        facts.insert(format!("rpcs {whose}{name}"), count.parse().unwrap());
        let seconds = microseconds.parse::<f64>().unwrap() / 1e6;
        facts.insert(format!("seconds of rpcs {whose}{name}"), seconds);
    }
}
