//! How fast the simulator itself is: start, memory, simulated hours, and the writing of `/jobs`.
//! In seconds of CPU, so that others on the machine do not count. Not a test: it judges nothing. `cargo run --release -p mock-slurmrestd --example speed -- enterprise`

use mock_slurmrestd::cluster::Cluster;
use mock_slurmrestd::presets;
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Style, write};
use std::io::{self, Write};
use std::time::Duration;

const HOURS: u32 = 3;

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "enterprise".to_owned());
    let Some(preset) = presets::by_name(&name) else {
        return Err(io::Error::other(format!("{name}: expected the name of a preset")));
    };
    let mut out = io::stdout();
    let begin = cpu_seconds()?;
    let mut cluster = Cluster::new(&preset.size, 1);
    writeln!(out, "{name}: {}", preset.size_in_words)?;
    writeln!(out, "start: {:.2} s, {} MiB", cpu_seconds()? - begin, resident_mib()?)?;
    for hour in 1..=HOURS {
        let begin = cpu_seconds()?;
        let before = cluster.stats().started;
        cluster.advance(Duration::from_secs(3_600));
        let started = cluster.stats().started.saturating_sub(before);
        let took = cpu_seconds()? - begin;
        let (records, mib) = (cluster.jobs().len(), resident_mib()?);
        let cpus = cluster.oracle().cpus;
        let percent = 100 * cpus.allocated / cpus.total.max(1);
        writeln!(
            out,
            "hour {hour}: {took:.2} s, {started} tasks started, {percent} % of CPUs in use, {records} records, {mib} MiB"
        )?;
    }
    let begin = cpu_seconds()?;
    let mut body = Vec::new();
    write(&cluster, ApiVersion::V0_0_45, Endpoint::Jobs, Style::Pretty, &mut body);
    let megabytes = body.len() as f64 / 1e6;
    let rate = megabytes / (cpu_seconds()? - begin);
    writeln!(out, "jobs: {megabytes:.0} MB, {rate:.0} MB/s into memory that grows")?;
    let begin = cpu_seconds()?;
    body.clear();
    write(&cluster, ApiVersion::V0_0_45, Endpoint::Jobs, Style::Pretty, &mut body);
    writeln!(out, "jobs: {:.0} MB/s into memory that is there", megabytes / (cpu_seconds()? - begin))
}

/// What this thread, the only one, has used. Linux only, as the simulator's users are.
fn cpu_seconds() -> io::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = status.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map(|count| count / 1e9).ok_or_else(|| io::Error::other("/proc/self/schedstat has no number"))
}

fn resident_mib() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map(|kib| kib / 1_024).ok_or_else(|| io::Error::other("/proc/self/status has no VmRSS"))
}
