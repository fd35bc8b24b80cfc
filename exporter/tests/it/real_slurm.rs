//! The exporter against a real Slurm, judged by Slurm's own commands: 24.11 (v0.0.42) and 22.05 (v0.0.38).
//! Needs root and `mmdebstrap`; the cluster lives in a temporary folder, on loopback, and ends with the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::page::Samples;
use crate::process::{Exporter, has_program, missing};

/// Facts by name, such as `nodes idle`; both sides make the same names.
type Facts = BTreeMap<String, f64>;

/// A throw-away Slurm; dropping it ends it and removes its files.
struct RealSlurm {
    suite: &'static str,
    port: u16,
    folder: tempfile::TempDir,
}

impl RealSlurm {
    fn start(suite: &'static str, port: u16) -> Self {
        // Not below /tmp, which may be a small memory file system: the installed Slurm takes 600 MB.
        let folder = tempfile::Builder::new().prefix("real-slurm-").tempdir_in("/var/tmp").unwrap();
        let slurm = Self { suite, port, folder };
        // Its daemons have seconds to come up; a busy machine may need a second try.
        for last_try in [false, true] {
            let started = slurm.script(&["start"]).output().unwrap();
            if started.status.success() {
                break;
            }
            assert!(!last_try, "{suite}: {}", String::from_utf8_lossy(&started.stderr));
            slurm.script(&["stop"]).output().unwrap();
        }
        slurm
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/real-slurm.sh"));
        command
            .args(arguments)
            .env("SUITE", self.suite)
            .env("DIR", self.dir())
            .env("PORT", self.port.to_string())
            .env("NODES", "100")
            .env("JOBS", "40")
            .stdin(Stdio::null());
        command
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("slurm")
    }

    /// Runs a command inside and gives its output.
    fn run(&self, line: &str) -> String {
        let output = self.script(&["exec", "bash", "-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl RealSlurm {
    /// A node of the batch partition without jobs, and one with; the first jobs take a while to start.
    fn idle_and_busy_node(&self) -> (String, String) {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let nodes = self.run("sinfo -h -N -p batch -O 'NodeList:30,StateComplete:60'");
            let first = |word: &str| {
                let states = nodes.lines().filter_map(|line| line.split_once(char::is_whitespace));
                let mut found = states
                    .filter(|(_, state)| state.trim() == word || state.trim() == format!("{word}+planned"));
                found.next().map(|(name, _)| name.to_owned())
            };
            if let (Some(idle), Some(busy)) = (first("idle"), first("mixed")) {
                return (idle, busy);
            }
            assert!(Instant::now() < deadline, "{}: no idle and no busy node in: {nodes}", self.suite);
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for RealSlurm {
    fn drop(&mut self) {
        let _ = self.script(&["purge"]).stderr(Stdio::null()).status();
    }
}

#[test]
fn a_real_slurm_24_11_and_the_exporter_agree() {
    agree("trixie", 26820, "v0.0.42");
}

#[test]
fn a_real_slurm_22_05_and_the_exporter_agree() {
    agree("bookworm", 27820, "v0.0.38");
}

fn agree(suite: &'static str, port: u16, version: &str) {
    if missing("root", is_root(), "run the tests as root")
        || missing("mmdebstrap", has_program("mmdebstrap"), "apt-get install mmdebstrap")
    {
        return;
    }
    let slurm = RealSlurm::start(suite, port);
    // One node that is drained, one that is draining, and jobs that run, wait, ended and failed by the seed.
    let (idle, busy) = slurm.idle_and_busy_node();
    slurm.run(&format!("scontrol update nodename={idle} state=drain reason='disk \"failing\"'"));
    slurm.run(&format!("scontrol update nodename={busy} state=drain reason='bad dimm'"));

    let exporter = Exporter::start(&[
        "--slurm.url",
        &format!("http://127.0.0.1:{port}"),
        "--slurm.user",
        "slurmrest",
        "--slurm.token-file",
        slurm.dir().join("token").to_str().unwrap(),
        "--collection.intervals.ping=1s",
        "--collection.intervals.diag=1s",
        "--collection.intervals.nodes=1s",
        "--collection.intervals.partitions=1s",
        "--collection.intervals.jobs=1s",
    ]);
    exporter.wait_until_ready();

    // The cluster lives: facts are compared when they were the same before and after a whole round of polls.
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let before = commands(&slurm);
        let polls = exporter.scrape();
        let page = loop {
            let page = exporter.scrape();
            if polled_again(&polls, &page) {
                break page;
            }
            assert!(Instant::now() < deadline, "the exporter stopped polling");
            std::thread::sleep(Duration::from_millis(200));
        };
        let after = commands(&slurm);
        if before.stable == after.stable {
            assert_eq!(before.stable, from_page(&page), "{suite}: commands (left) and exporter (right)");
            for (name, low) in &before.moving {
                let value = moving_from_page(&page, name);
                let high = after.moving[name];
                assert!(*low <= value && value <= high, "{suite}: {name}: {low} <= {value} <= {high}");
            }
            assert_eq!(page.get("slurm_cluster_info", &[("api_version", version)]), Some(1.0));
            assert_eq!(page.get("slurm_controller_up", &[("controller", "slurmhost")]), Some(1.0));
            assert!(before.stable.len() > 60, "{suite}: only {} facts", before.stable.len());
            return;
        }
        assert!(Instant::now() < deadline, "{suite}: the cluster does not come to rest");
    }
}

/// Whether every endpoint was refreshed by a poll that began after the first page was made:
/// the second refresh after it surely did.
fn polled_again(before: &Samples, now: &Samples) -> bool {
    let requests = |page: &Samples, endpoint| {
        page.sum("slurm_exporter_api_requests_total", &[("endpoint", endpoint), ("code", "200")])
    };
    ["ping", "diag", "nodes", "partitions", "jobs"]
        .iter()
        .all(|endpoint| requests(now, endpoint) >= requests(before, endpoint) + 2.0)
}

struct Commands {
    stable: Facts,
    moving: Facts,
}

fn add(facts: &mut Facts, name: String, value: f64) {
    *facts.entry(name).or_default() += value;
}

/// What `scontrol`, `sinfo`, `squeue` and `sdiag` say.
fn commands(slurm: &RealSlurm) -> Commands {
    let mut facts = Facts::new();
    for line in slurm.run("scontrol show nodes -o").lines() {
        node_facts(&mut facts, line);
    }
    // sinfo counts for itself: it must agree with what scontrol's rows add up to.
    let cpus = slurm.run("sinfo -h -p all -o '%C %D'");
    let numbers: Vec<f64> = cpus.trim().split(['/', ' ']).map(|number| number.parse().unwrap()).collect();
    facts.insert("sinfo cpus allocated".into(), numbers[0]);
    facts.insert("sinfo cpus total".into(), numbers[3]);
    facts.insert("sinfo nodes".into(), numbers[4]);
    for line in slurm.run("scontrol show partitions -o").lines() {
        partition_facts(&mut facts, line);
    }
    for line in slurm.run("squeue -h -r -t all -o '%T|%P|%r|%C|%D'").lines() {
        job_facts(&mut facts, line);
    }
    let mut moving = Facts::new();
    for line in slurm.run("sdiag").lines() {
        diag_facts(&mut facts, &mut moving, line.trim());
    }
    Commands { stable: facts, moving }
}

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

fn node_facts(facts: &mut Facts, line: &str) {
    const MIB: f64 = 1_048_576.0;
    let name = field(line, "NodeName").unwrap();
    let words: Vec<_> = field(line, "State").unwrap().split('+').map(str::to_lowercase).collect();
    let (base, drain) = (words[0].as_str(), words.iter().any(|word| word == "drain"));
    add(facts, format!("nodes {base}"), 1.0);
    if drain {
        let kind = if ["idle", "down"].contains(&base) { "drained" } else { "draining" };
        add(facts, format!("nodes {kind}"), 1.0);
        let reason = field(line, "Reason").unwrap();
        let (reason, user) = reason.split_once(" [").unwrap();
        facts.insert(format!("drain {name} {reason} {}", user.split('@').next().unwrap()), 1.0);
    }
    add(facts, "cpus total".into(), number(line, "CPUTot"));
    add(facts, "cpus allocated".into(), number(line, "CPUAlloc"));
    add(facts, "memory total".into(), number(line, "RealMemory") * MIB);
    add(facts, "memory allocated".into(), number(line, "AllocMem") * MIB);
    for (key, kind) in [("CfgTRES", "total"), ("AllocTRES", "allocated")] {
        for item in field(line, key).unwrap_or_default().split(',') {
            if let Some((gpu_type, count)) =
                item.strip_prefix("gres/gpu:").and_then(|gpu| gpu.split_once('='))
            {
                add(facts, format!("gpus {kind} {gpu_type}"), count.parse().unwrap());
            }
        }
    }
    for partition in field(line, "Partitions").unwrap_or_default().split(',') {
        add(facts, format!("partition {partition} cpus total"), number(line, "CPUTot"));
        add(facts, format!("partition {partition} cpus allocated"), number(line, "CPUAlloc"));
        add(facts, format!("partition {partition} nodes"), 1.0);
    }
}

fn partition_facts(facts: &mut Facts, line: &str) {
    let name = field(line, "PartitionName").unwrap();
    let (days, clock) =
        field(line, "MaxTime").unwrap().split_once('-').unwrap_or(("0", field(line, "MaxTime").unwrap()));
    let clock = clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap());
    let put =
        |facts: &mut Facts, what: &str, value: f64| facts.insert(format!("partition {name} {what}"), value);
    put(facts, "max time", days.parse::<f64>().unwrap() * 86_400.0 + clock);
    put(facts, "tier", number(line, "PriorityTier"));
    put(facts, "up", f64::from(u8::from(field(line, "State") == Some("UP"))));
    put(facts, "configured nodes", number(line, "TotalNodes"));
}

fn job_facts(facts: &mut Facts, line: &str) {
    let parts: Vec<_> = line.split('|').collect();
    let [state, partition, reason, cpus, nodes] = parts[..] else { panic!("{line}") };
    // squeue shows one word; CONFIGURING is a flag of a running job.
    let state = if state == "CONFIGURING" { "RUNNING" } else { state }.to_lowercase();
    add(facts, format!("jobs {partition} {state}"), 1.0);
    add(facts, format!("jobs {state}"), 1.0);
    match state.as_str() {
        "pending" => {
            // squeue prints the scheduler's sentence where slurmrestd has the word (state_description).
            let reason =
                if reason.starts_with("Nodes required for job are DOWN") { "Resources" } else { reason };
            add(facts, format!("pending {partition} {reason}"), 1.0);
            add(facts, format!("pending cpus {partition}"), cpus.parse().unwrap());
            add(facts, format!("pending nodes {partition}"), nodes.parse().unwrap());
        }
        "running" => add(facts, format!("allocated cpus {partition}"), cpus.parse().unwrap()),
        _ => {}
    }
}

/// sdiag's lines, with our family.
const STABLE_DIAG: &[(&str, &str)] = &[
    ("Jobs submitted:", "slurm_scheduler_jobs_submitted_total"),
    ("Jobs started:", "slurm_scheduler_jobs_started_total"),
    ("Jobs completed:", "slurm_scheduler_jobs_completed_total"),
    ("Jobs canceled:", "slurm_scheduler_jobs_canceled_total"),
    ("Jobs failed:", "slurm_scheduler_jobs_failed_total"),
];

fn diag_facts(stable: &mut Facts, moving: &mut Facts, line: &str) {
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

fn moving_from_page(page: &Samples, name: &str) -> f64 {
    let value = match name {
        "main cycles" => page.get("slurm_scheduler_cycles_total", &[]),
        message => page.get("slurm_rpc_requests_total", &[("message_type", message)]),
    };
    value.unwrap_or_else(|| panic!("no sample for {name}"))
}

/// The same facts from the exporter's page. Zeros are left out: the commands print none.
fn from_page(page: &Samples) -> Facts {
    let mut facts = Facts::new();
    let mut put = |name: String, value: f64| {
        assert!(facts.insert(name.clone(), value).is_none(), "{name} twice");
    };
    for (labels, value) in page.nonzero("slurm_nodes_total") {
        put(format!("nodes {}", labels["state"]), value);
    }
    for (labels, value) in page.nonzero("slurm_nodes_flagged") {
        if ["drained", "draining"].contains(&labels["flag"].as_str()) {
            put(format!("nodes {}", labels["flag"]), value);
        }
    }
    for (labels, value) in page.nonzero("slurm_node_drain_info") {
        put(format!("drain {} {} {}", labels["node"], labels["reason"], labels["user"]), value);
    }
    for (name, family) in [
        ("cpus total", "slurm_cluster_cpus_total"),
        ("cpus allocated", "slurm_cluster_cpus_allocated"),
        ("sinfo cpus total", "slurm_cluster_cpus_total"),
        ("sinfo cpus allocated", "slurm_cluster_cpus_allocated"),
        ("sinfo nodes", "slurm_cluster_nodes_total"),
        ("memory total", "slurm_cluster_memory_total_bytes"),
        ("memory allocated", "slurm_cluster_memory_allocated_bytes"),
    ] {
        put(name.into(), page.get(family, &[]).unwrap());
    }
    for (kind, family) in
        [("total", "slurm_cluster_gpus_total"), ("allocated", "slurm_cluster_gpus_allocated")]
    {
        for (labels, value) in page.nonzero(family) {
            put(format!("gpus {kind} {}", labels["gpu_type"]), value);
        }
    }
    for (what, family) in [
        ("cpus total", "slurm_partition_cpus_total"),
        ("cpus allocated", "slurm_partition_cpus_allocated"),
        ("nodes", "slurm_partition_nodes_total"),
        ("max time", "slurm_partition_max_time_seconds"),
        ("tier", "slurm_partition_priority_tier"),
        ("up", "slurm_partition_up"),
        ("configured nodes", "slurm_partition_nodes_configured"),
    ] {
        for (labels, value) in page.all(family) {
            put(format!("partition {} {what}", labels["partition"]), value);
        }
    }
    for (labels, value) in page.nonzero("slurm_jobs_total") {
        put(format!("jobs {} {}", labels["partition"], labels["state"]), value);
    }
    for (labels, value) in page.nonzero("slurm_cluster_jobs") {
        put(format!("jobs {}", labels["state"]), value);
    }
    for (labels, value) in page.nonzero("slurm_jobs_pending_reason") {
        put(format!("pending {} {}", labels["partition"], labels["reason"]), value);
    }
    for (what, family) in [
        ("pending cpus", "slurm_jobs_pending_cpus"),
        ("pending nodes", "slurm_jobs_pending_nodes"),
        ("allocated cpus", "slurm_jobs_allocated_cpus"),
    ] {
        for (labels, value) in page.nonzero(family) {
            put(format!("{what} {}", labels["partition"]), value);
        }
    }
    for (_, family) in STABLE_DIAG {
        put((*family).into(), page.get(family, &[]).unwrap());
    }
    facts
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
