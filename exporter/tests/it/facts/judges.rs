//! What Slurm's own commands say, as facts: read from their output, live or recorded.
//! Nothing of the exporter's is used here.

use super::{Facts, add};

const MIB: f64 = 1_048_576.0;

/// One command. Recordings keep its output in a file of its name.
pub(crate) struct Judge {
    pub(crate) name: &'static str,
    pub(crate) command: &'static str,
    pub(crate) read: fn(&mut Facts, &str),
}

/// Every command whose facts hold still while the cluster does.
pub(crate) const JUDGES: &[Judge] = &[
    Judge { name: "scontrol-nodes", command: "scontrol -d show nodes -o", read: nodes },
    Judge { name: "scontrol-partitions", command: "scontrol show partitions -o", read: partitions },
    Judge { name: "sinfo-cpus", command: "sinfo -h -p all -o '%C %D'", read: cpus },
    Judge { name: "squeue-tasks", command: "squeue -h -r -t all -o '%T|%P|%r|%C|%D|%j'", read: jobs },
];

/// The value of `key=` in a line of `scontrol -o`.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let start = if line.starts_with(&format!("{key}=")) { 0 } else { line.find(&format!(" {key}="))? + 1 };
    let value = &line[start + key.len() + 1..];
    // A value may hold `=` (TRES) and blanks (reasons); only a blank before `Word=` ends it.
    let is_key =
        |text: &str| text.split_once('=').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric));
    let ends = value.match_indices(' ').map(|(at, _)| at).find(|at| is_key(&value[at + 1..]));
    let end = ends.unwrap_or(value.len());
    Some(value[..end].trim())
}

fn number(line: &str, key: &str) -> f64 {
    field(line, key).unwrap_or_else(|| panic!("no {key} in {line}")).parse().unwrap()
}

fn nodes(facts: &mut Facts, text: &str) {
    for line in text.lines() {
        node(facts, line);
    }
}

fn node(facts: &mut Facts, line: &str) {
    let name = field(line, "NodeName").unwrap();
    let words: Vec<_> = field(line, "State").unwrap().split('+').map(str::to_lowercase).collect();
    let (base, drain) = (words[0].as_str(), words.iter().any(|word| word == "drain"));
    add(facts, format!("nodes {base}"), 1.0);
    for flag in &words[1..] {
        add(facts, format!("nodes flagged {flag}"), 1.0);
    }
    if drain {
        let kind = if ["idle", "down"].contains(&base) { "drained" } else { "draining" };
        add(facts, format!("nodes flagged {kind}"), 1.0);
        let reason = field(line, "Reason").unwrap();
        let (reason, user) = reason.split_once(" [").unwrap();
        facts.insert(format!("drain {name} {reason} {}", user.split('@').next().unwrap()), 1.0);
    }
    add(facts, "cpus total".into(), number(line, "CPUTot"));
    add(facts, "cpus allocated".into(), number(line, "CPUAlloc"));
    add(facts, "memory total".into(), number(line, "RealMemory") * MIB);
    add(facts, "memory allocated".into(), number(line, "AllocMem") * MIB);
    for (key, kind) in [("Gres", "total"), ("GresUsed", "allocated")] {
        for (gpu_type, count) in gpus(field(line, key).unwrap_or_default()) {
            add(facts, format!("gpus {kind} {gpu_type}"), count);
            add(facts, format!("node {name} gpus {kind} {gpu_type}"), count);
        }
    }
    for partition in field(line, "Partitions").unwrap_or_default().split(',') {
        add(facts, format!("partition {partition} cpus total"), number(line, "CPUTot"));
        add(facts, format!("partition {partition} cpus allocated"), number(line, "CPUAlloc"));
        add(facts, format!("partition {partition} nodes"), 1.0);
    }
}

/// Types and counts, without zeros, of `gpu:a100:1(IDX:0),gpu:h100:2(IDX:0,1)`.
fn gpus(gres: &str) -> Vec<(String, f64)> {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in gres.chars() {
        depth += i32::from(letter == '(');
        if depth == 0 {
            plain.push(letter);
        }
        depth -= i32::from(letter == ')');
    }
    let items = plain.split(',').filter_map(|item| item.strip_prefix("gpu:"));
    let counts = items.map(|item| {
        let (gpu_type, count) = item.split_once(':').unwrap_or(("any", item));
        (gpu_type.to_owned(), count.parse().unwrap())
    });
    counts.filter(|(_, count)| *count != 0.0).collect()
}

fn partitions(facts: &mut Facts, text: &str) {
    for line in text.lines() {
        let name = field(line, "PartitionName").unwrap();
        for what in ["cpus total", "cpus allocated", "nodes"] {
            // Nodes add to these; a partition may have none that are there.
            add(facts, format!("partition {name} {what}"), 0.0);
        }
        let mut put = |what: &str, value: f64| facts.insert(format!("partition {name} {what}"), value);
        put("max time", duration(field(line, "MaxTime").unwrap()));
        put("tier", number(line, "PriorityTier"));
        put("up", f64::from(u8::from(field(line, "State") == Some("UP"))));
        put("configured nodes", number(line, "TotalNodes"));
    }
}

/// Seconds of `7-00:00:00`.
fn duration(text: &str) -> f64 {
    if text == "UNLIMITED" {
        return f64::INFINITY;
    }
    let (days, clock) = text.split_once('-').unwrap_or(("0", text));
    let clock = clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap());
    days.parse::<f64>().unwrap() * 86_400.0 + clock
}

/// sinfo counts for itself: it must agree with what scontrol's rows add up to.
fn cpus(facts: &mut Facts, text: &str) {
    let numbers: Vec<f64> = text.trim().split(['/', ' ']).map(|number| number.parse().unwrap()).collect();
    facts.insert("sinfo cpus allocated".into(), numbers[0]);
    facts.insert("sinfo cpus total".into(), numbers[3]);
    facts.insert("sinfo nodes".into(), numbers[4]);
}

/// slurmrestd cuts the list of an array's tasks at 64 letters, as `array_cut` in scenario.sh shows: 20 of its 300 tasks
/// can be seen, and that there are more.
const SEEN_OF_CUT_ARRAY: usize = 21;

/// What a command says of the tasks that slurmrestd tells in this version: v0.0.38 has no `/jobs/state`.
pub(crate) fn told(version: &str, text: &str) -> String {
    let (cut, whole): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.ends_with("|array_cut"));
    let seen = if version == "v0.0.38" { SEEN_OF_CUT_ARRAY } else { cut.len() };
    whole.into_iter().chain(cut.into_iter().take(seen)).map(|line| format!("{line}\n")).collect()
}

fn jobs(facts: &mut Facts, text: &str) {
    for line in text.lines() {
        job(facts, line);
    }
}

fn job(facts: &mut Facts, line: &str) {
    let parts: Vec<_> = line.split('|').collect();
    let [state, partitions, reason, cpus, nodes, _name] = parts[..] else { panic!("{line}") };
    // squeue shows one word, and some of them are flags of a base state.
    let state = match state {
        "CONFIGURING" => "running".to_owned(),
        "SPECIAL_EXIT" | "REQUEUE_HOLD" | "REQUEUED" => "pending".to_owned(),
        state => state.to_lowercase(),
    };
    // squeue prints a sentence where slurmrestd has the word of the reason (and the sentence in state_description).
    let reason = match reason {
        "job requeued in held state" => "JobHeldUser",
        sentence if sentence.starts_with("Nodes required for job are DOWN") => "Resources",
        word => word,
    };
    let (cpus, nodes): (f64, f64) = (cpus.parse().unwrap(), nodes.parse().unwrap());
    add(facts, format!("jobs {state}"), 1.0);
    for partition in partitions.split(',') {
        add(facts, format!("jobs {partition} {state}"), 1.0);
        match state.as_str() {
            "pending" => {
                add(facts, format!("pending {partition} {reason}"), 1.0);
                add(facts, format!("pending cpus {partition}"), cpus);
                add(facts, format!("pending nodes {partition}"), nodes);
            }
            "running" => {
                add(facts, format!("allocated cpus {partition}"), cpus);
                add(facts, format!("allocated nodes {partition}"), nodes);
            }
            _ => {}
        }
    }
}

/// sdiag's lines, with our family.
pub(super) const STABLE_DIAG: &[(&str, &str)] = &[
    ("Jobs submitted:", "slurm_scheduler_jobs_submitted_total"),
    ("Jobs started:", "slurm_scheduler_jobs_started_total"),
    ("Jobs completed:", "slurm_scheduler_jobs_completed_total"),
    ("Jobs canceled:", "slurm_scheduler_jobs_canceled_total"),
    ("Jobs failed:", "slurm_scheduler_jobs_failed_total"),
];

/// What sdiag says: facts that hold still, and counts that grow by being asked.
pub(crate) fn diag(text: &str) -> (Facts, Facts) {
    let (mut stable, mut moving) = (Facts::new(), Facts::new());
    for line in text.lines().map(str::trim) {
        for (prefix, family) in STABLE_DIAG {
            if let Some(value) = line.strip_prefix(prefix) {
                stable.insert((*family).into(), value.trim().parse().unwrap());
            }
        }
        for message in ["REQUEST_PARTITION_INFO", "REQUEST_NODE_INFO", "REQUEST_STATS_INFO"] {
            let mut words = line.split_whitespace();
            if words.next() == Some(message) {
                let count = words.find_map(|word| word.strip_prefix("count:")).unwrap();
                moving.insert(message.into(), count.parse().unwrap());
            }
        }
        // The first of two "Total cycles" is the main scheduler's.
        if let Some(cycles) = line.strip_prefix("Total cycles:") {
            moving.entry("main cycles".into()).or_insert_with(|| cycles.trim().parse().unwrap());
        }
    }
    (stable, moving)
}
