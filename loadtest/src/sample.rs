//! What a process uses, looked at once a second: by `/proc`, or by the figures that it exposes about itself.
//! It notes when the process is gone or another one; whether that spoils the run is decided elsewhere.

use std::time::{Duration, Instant};

use procfs::process::Process;
use procfs::{ProcError, WithCurrentSystemInfo as _};
use reports::model::run::{CgroupUse, ResourceSample, Resources};
use reqwest::Url;
use tokio::task::JoinHandle;

use crate::cgroup::Membership;
use crate::exposition;
use crate::stop::{Reason, Stop};

const INTERVAL: Duration = Duration::from_secs(1);
/// A rate over less than this says more about the kernel's clock ticks (10 ms) than about the process.
const SHORTEST: Duration = Duration::from_millis(500);

/// What is looked at.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A process on this machine.
    Process(u32),
    /// A page with `process_*` figures, as client libraries write them.
    Page { url: Url, client: reqwest::Client },
}

/// One look: CPU seconds since the process began, and what it holds now.
#[derive(Clone, Debug)]
struct Reading {
    cpu_seconds: f64,
    /// For which threads could have run but had no CPU; of those that there are now.
    cpu_wait_seconds: Option<f64>,
    rss_bytes: u64,
    open_fds: Option<u64>,
    threads: Option<u64>,
    /// Tells one process from its successor: clock ticks or seconds, only ever compared.
    identity: f64,
}

/// Everything that was seen of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    /// `None` when there never was a sample.
    pub(crate) resources: Option<Resources>,
    /// Whether a later reading came from another process than the first.
    pub(crate) restarted: bool,
}

/// A sampler at work; ask it for its samples, or drop it.
#[derive(Debug)]
pub(crate) struct Sampler {
    task: JoinHandle<Samples>,
    done: Stop,
    latest: tokio::sync::watch::Receiver<Option<ResourceSample>>,
}

impl Sampler {
    /// Begins to look once a second; CPU seconds are counted from `measured_from` on.
    /// A process on this machine that is gone is a reason to stop the run.
    pub(crate) fn start(source: Source, start: Instant, measured_from: Instant, stop: Stop) -> Self {
        let done = Stop::new();
        let (publish, latest) = tokio::sync::watch::channel(None);
        let finished = done.clone();
        let task = tokio::spawn(async move {
            let mut series = Series::new(&source, start, measured_from);
            let mut ticks = tokio::time::interval_at(start.into(), INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                let last = tokio::select! {
                    _ = ticks.tick() => false,
                    _ = finished.requested() => true,
                };
                series.look_at_group(Instant::now());
                match source.read().await {
                    Ok(reading) => {
                        series.add(Instant::now(), &reading);
                        publish.send_replace(series.samples.last().cloned());
                    }
                    Err(Gone::Ended) if !last => {
                        stop.request(Reason::TargetGone("its process is gone".into()));
                    }
                    // A page that did not come in time is a gap, nothing more.
                    Err(_) => {}
                }
                if last {
                    return series.finish();
                }
            }
        });
        Self { task, done, latest }
    }

    /// The last sample, for the progress line.
    pub(crate) fn latest(&self) -> Option<ResourceSample> {
        self.latest.borrow().clone()
    }

    /// Takes a last sample and returns all of them.
    pub(crate) async fn finish(self) -> Samples {
        // Any reason will do: it only ends the sampler.
        self.done.request(Reason::Terminate);
        self.task.await.unwrap_or_default()
    }
}

/// Why there is no reading.
enum Gone {
    /// The process does not exist any more.
    Ended,
    /// It could not be asked this time.
    NoAnswer,
}

impl Source {
    async fn read(&self) -> Result<Reading, Gone> {
        match self {
            Self::Process(pid) => read_process(*pid).map_err(|error| match error {
                ProcError::NotFound(_) => Gone::Ended,
                _ => Gone::NoAnswer,
            }),
            Self::Page { url, client } => {
                let request = client.get(url.clone()).timeout(INTERVAL).send();
                let page = async { request.await?.error_for_status()?.text().await };
                page.await.ok().and_then(|page| read_page(&page)).ok_or(Gone::NoAnswer)
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Process(_) => "/proc",
            Self::Page { .. } => "process_metrics",
        }
    }

    /// The control groups of a process on this machine.
    fn groups(&self) -> Option<Membership> {
        match self {
            Self::Process(pid) => Some(Membership::of(*pid)),
            Self::Page { .. } => None,
        }
    }

    /// CPUs that it is bound to; for a process elsewhere, unknown and taken as those of this machine.
    fn cpus(&self) -> f64 {
        let here = std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64);
        let Self::Process(pid) = self else { return here };
        let status = i32::try_from(*pid).ok().and_then(|pid| Process::new(pid).ok()?.status().ok());
        let ranges = status.and_then(|status| status.cpus_allowed_list);
        ranges.map_or(here, |ranges| ranges.iter().map(|(from, to)| f64::from(to - from + 1)).sum())
    }
}

/// Whether a process with this id exists and has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    read_process(pid).is_ok()
}

fn read_process(pid: u32) -> Result<Reading, ProcError> {
    let pid = i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?;
    let process = Process::new(pid)?;
    let stat = process.stat()?;
    // A process that ended but was not waited for still has its entry.
    if matches!(stat.state, 'Z' | 'X') {
        return Err(ProcError::NotFound(None));
    }
    let ticks = procfs::ticks_per_second() as f64;
    Ok(Reading {
        cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
        cpu_wait_seconds: wait_for_cpus(pid),
        rss_bytes: stat.rss_bytes().get(),
        open_fds: process.fd_count().ok().map(|count| count as u64),
        threads: u64::try_from(stat.num_threads).ok(),
        identity: stat.starttime as f64,
    })
}

/// What all threads of a process have waited for a CPU; `None` when the kernel does not keep it.
fn wait_for_cpus(pid: i32) -> Option<f64> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let mut nanos = None;
    for thread in threads.flatten() {
        // A thread may end meanwhile.
        let Ok(times) = std::fs::read_to_string(thread.path().join("schedstat")) else { continue };
        // Time on a CPU, time waiting for one, number of turns.
        if let Some(waited) = times.split_whitespace().nth(1).and_then(|waited| waited.parse::<u64>().ok()) {
            nanos = Some(nanos.unwrap_or(0) + waited);
        }
    }
    nanos.map(|nanos| nanos as f64 / 1e9)
}

/// Whether a page has the figures that a process is sampled by.
pub(crate) fn has_figures(page: &str) -> bool {
    read_page(page).is_some()
}

fn read_page(page: &str) -> Option<Reading> {
    let value = |name: &str| {
        exposition::samples(page)
            .find(|sample| sample.name == name && sample.labels.is_empty())
            .map(|sample| sample.value)
    };
    Some(Reading {
        cpu_seconds: value("process_cpu_seconds_total")?,
        cpu_wait_seconds: None,
        rss_bytes: value("process_resident_memory_bytes")? as u64,
        open_fds: value("process_open_fds").map(|count| count as u64),
        threads: value("process_threads").map(|count| count as u64),
        // Without it nobody could see a restart; those that write the others write it.
        identity: value("process_start_time_seconds")?,
    })
}

/// Readings on their way to samples.
struct Series {
    source: &'static str,
    /// The CPUs that it is bound to, or its group's limit when that is less.
    cpus: f64,
    groups: Option<Membership>,
    /// Of the group: at the start of the measured part, and last.
    group_use: Option<(CgroupUse, CgroupUse)>,
    start: Instant,
    measured_from: Instant,
    before: Option<(Instant, Reading)>,
    /// Where the next rate begins: the reading of the last sample, or the first of this process.
    sampled: Option<(Instant, Reading)>,
    /// CPU seconds since the first reading at or after `measured_from`.
    cpu_seconds: f64,
    /// The same of the waits for a CPU.
    cpu_wait_seconds: Option<f64>,
    peak_rss_bytes: u64,
    samples: Vec<ResourceSample>,
    restarted: bool,
}

impl Series {
    fn new(source: &Source, start: Instant, measured_from: Instant) -> Self {
        let groups = source.groups();
        let limit = groups.as_ref().and_then(Membership::cpu_limit);
        Self {
            source: source.name(),
            cpus: limit.unwrap_or(f64::INFINITY).min(source.cpus()),
            groups,
            group_use: None,
            start,
            measured_from,
            before: None,
            sampled: None,
            cpu_seconds: 0.0,
            cpu_wait_seconds: None,
            peak_rss_bytes: 0,
            samples: Vec::new(),
            restarted: false,
        }
    }

    /// Reads the counters of the group, from the measured part on. It still tells when the process is gone.
    fn look_at_group(&mut self, now: Instant) {
        if now < self.measured_from {
            return;
        }
        if let Some(read) = self.groups.as_ref().and_then(Membership::read) {
            let first = self.group_use.take().map_or_else(|| read.clone(), |(first, _)| first);
            self.group_use = Some((first, read));
        }
    }

    /// Adds a reading to the totals, and makes a sample of it unless it comes too soon after the last one.
    fn add(&mut self, now: Instant, reading: &Reading) {
        // Some kernels let the sum step back by a tick.
        let used = |before: &Reading| (reading.cpu_seconds - before.cpu_seconds).max(0.0);
        if let Some((then, before)) = &self.before {
            if reading.identity != before.identity {
                self.restarted = true;
                self.sampled = None;
            } else if *then >= self.measured_from {
                self.cpu_seconds += used(before);
                if let Some((now, then)) = reading.cpu_wait_seconds.zip(before.cpu_wait_seconds) {
                    // What a thread that ended has waited is no longer in the sum.
                    *self.cpu_wait_seconds.get_or_insert(0.0) += (now - then).max(0.0);
                }
            }
        }
        self.before = Some((now, reading.clone()));
        self.peak_rss_bytes = self.peak_rss_bytes.max(reading.rss_bytes);
        if let Some((then, before)) = &self.sampled {
            let elapsed = now.saturating_duration_since(*then);
            if elapsed < SHORTEST {
                return;
            }
            self.samples.push(ResourceSample {
                offset: now.saturating_duration_since(self.start).as_secs_f64(),
                cpu_cores: used(before) / elapsed.as_secs_f64(),
                rss_bytes: reading.rss_bytes,
                open_fds: reading.open_fds,
                threads: reading.threads,
            });
        }
        self.sampled = Some((now, reading.clone()));
    }

    fn finish(self) -> Samples {
        let resources = (!self.samples.is_empty()).then(|| Resources {
            source: self.source.into(),
            cpu_seconds: self.cpu_seconds,
            cpu_wait_seconds: self.cpu_wait_seconds,
            cpus_available: self.cpus,
            peak_rss_bytes: self.peak_rss_bytes,
            cgroup: self.group_use.map(|(first, last)| last.since(&first)),
            samples: self.samples,
        });
        Samples { resources, restarted: self.restarted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cpu_seconds: f64, identity: f64) -> Reading {
        Reading {
            cpu_seconds,
            cpu_wait_seconds: Some(2.0 * cpu_seconds),
            rss_bytes: 1000 + cpu_seconds as u64,
            open_fds: None,
            threads: Some(4),
            identity,
        }
    }

    fn series(start: Instant) -> Series {
        Series::new(&Source::Process(std::process::id()), start, start + Duration::from_secs(2))
    }

    #[test]
    fn cpu_is_a_rate_and_the_warm_up_does_not_count() {
        let start = Instant::now();
        let mut series = series(start);
        for (second, cpu) in [(0, 5.0), (1, 6.0), (2, 6.5), (3, 6.75), (4, 7.0)] {
            series.add(start + Duration::from_secs(second), &reading(cpu, 1.0));
        }
        let samples = series.finish();
        let resources = samples.resources.unwrap();
        assert!(!samples.restarted);
        assert_eq!(
            resources.samples.iter().map(|sample| sample.cpu_cores).collect::<Vec<_>>(),
            [1.0, 0.5, 0.25, 0.25]
        );
        assert_eq!((resources.cpu_seconds, resources.peak_rss_bytes), (0.5, 1007));
        assert_eq!(resources.cpu_wait_seconds, Some(1.0));
    }

    #[test]
    fn a_last_reading_just_after_a_sample_counts_in_the_totals_only() {
        let start = Instant::now();
        let mut series = series(start);
        for (millis, cpu) in [(0, 5.0), (1000, 5.1), (2000, 5.2), (3000, 5.3)] {
            series.add(start + Duration::from_millis(millis), &reading(cpu, 1.0));
        }
        // One clock tick within 30 ms would be a third of a core, and none would be an idle process.
        let last = Reading { rss_bytes: 5000, ..reading(5.31, 1.0) };
        series.add(start + Duration::from_millis(3030), &last);
        let resources = series.finish().resources.unwrap();
        let offsets: Vec<f64> = resources.samples.iter().map(|sample| sample.offset).collect();
        assert_eq!(offsets, [1.0, 2.0, 3.0]);
        assert!(
            resources.samples.iter().all(|sample| (sample.cpu_cores - 0.1).abs() < 1e-9),
            "{resources:?}"
        );
        assert!((resources.cpu_seconds - 0.11).abs() < 1e-9);
        assert_eq!(resources.peak_rss_bytes, 5000);
    }

    #[test]
    fn a_reading_that_came_too_soon_is_within_the_next_rate() {
        let start = Instant::now();
        let mut series = series(start);
        for (millis, cpu) in [(0, 0.0), (1000, 0.5), (1200, 1.0), (2000, 1.5)] {
            series.add(start + Duration::from_millis(millis), &reading(cpu, 1.0));
        }
        let cores: Vec<f64> =
            series.finish().resources.unwrap().samples.iter().map(|sample| sample.cpu_cores).collect();
        assert_eq!(cores, [0.5, 1.0]);
    }

    #[test]
    fn another_process_is_noticed_and_gives_no_negative_rate() {
        let start = Instant::now();
        let mut series = series(start);
        for (second, cpu, identity) in [(0, 5.0, 1.0), (1, 0.1, 2.0), (2, 0.2, 2.0)] {
            series.add(start + Duration::from_secs(second), &reading(cpu, identity));
        }
        let samples = series.finish();
        assert!(samples.restarted);
        assert_eq!(samples.resources.unwrap().samples.len(), 1);
    }

    #[test]
    fn the_own_process_can_be_read_and_a_missing_one_cannot() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(u32::MAX));
    }

    #[test]
    fn a_page_is_read_as_client_libraries_write_it() {
        let page = "process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 1.5e6\nprocess_open_fds 9\n\
                    process_start_time_seconds 1.7e9\n";
        let reading = read_page(page).unwrap();
        assert_eq!((reading.cpu_seconds, reading.rss_bytes), (1.5, 1_500_000));
        assert_eq!((reading.open_fds, reading.threads, reading.identity), (Some(9), None, 1.7e9));
        assert!(read_page("up 1\n").is_none());
    }
}
