//! A simulator, an exporter that reads it, and what one fault does to them.
//! Only what holds on any machine is asserted here; what a quiet one is fast enough for is in `report`.

use std::time::{Duration, Instant, SystemTime};

use exporter::model::Endpoint;

use super::case::{Case, Promise};
use super::load::under_load;
use super::upstream::Upstream;
use crate::page::Samples;
use crate::process::Exporter;

/// How one run of the matrix goes.
pub(super) struct Scale {
    pub(super) nodes: u32,
    /// Records.
    pub(super) jobs: u32,
    /// Of every endpoint.
    pub(super) interval: Duration,
    /// Less than a third of the interval: after a time-out an endpoint rests for two more.
    pub(super) timeout: Duration,
    pub(super) stale_after: Duration,
    pub(super) scrapers: u32,
    /// Between two scrapes of one scraper.
    pub(super) pause: Duration,
}

pub(super) struct Stack {
    upstream: Upstream,
    pub(super) exporter: Exporter,
    pub(super) scale: Scale,
    /// From the start of the exporter to its line on stdout.
    pub(super) listening_after: Duration,
    /// Its arguments name files in here.
    _folder: tempfile::TempDir,
}

/// What one case showed.
pub(super) struct Outcome {
    pub(super) case: &'static str,
    /// Requests that the simulator struck.
    pub(super) struck: u64,
    /// Classes in which the failures were counted.
    pub(super) classes: Vec<&'static str>,
    pub(super) latencies: Vec<Duration>,
    pub(super) peak_bytes: u64,
    /// From the first failing request that could be to the failure on the page.
    pub(super) noticed_after: Option<Duration>,
    /// Age of the data when it had gone from the page.
    pub(super) withdrawn_at_age: Option<Duration>,
    pub(super) recovered_after: Option<Duration>,
}

/// What the simulator was asked while scrapers were at work.
#[derive(Debug)]
pub(super) struct Polls {
    pub(super) whole_intervals: u64,
    pub(super) endpoints: Vec<Polled>,
    pub(super) latencies: Vec<Duration>,
}

#[derive(Debug)]
pub(super) struct Polled {
    pub(super) name: &'static str,
    pub(super) requests: u64,
    pub(super) max_in_flight: u64,
}

impl Outcome {
    /// Of a time without a fault.
    pub(super) fn calm(name: &'static str, latencies: Vec<Duration>, peak_bytes: u64) -> Self {
        Self {
            case: name,
            struck: 0,
            classes: Vec::new(),
            latencies,
            peak_bytes,
            noticed_after: None,
            withdrawn_at_age: None,
            recovered_after: None,
        }
    }
}

impl Stack {
    pub(super) fn start(scale: Scale) -> Self {
        let upstream = Upstream::start(scale.nodes, scale.jobs);
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut arguments = vec![
            format!("--slurm.url={}", upstream.url()),
            format!("--collection.stale-after={}", millis(scale.stale_after)),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("exporter.yaml");
        let (timeout, interval) = (millis(scale.timeout), millis(scale.interval));
        // The breaker rests as long as by default in relation to the intervals.
        let mut config = format!(
            "slurm: {{request_timeout: {timeout}, connect_timeout: {timeout}, \
             circuit_breaker: {{reset_timeout: {interval}}}}}\n"
        );
        config.push_str("collection:\n  jitter: 0s\n  intervals:\n");
        for endpoint in Endpoint::ALL {
            config.push_str(&format!("    {endpoint}: {interval}\n"));
        }
        std::fs::write(&file, config).expect("the folder takes a file");
        arguments.push(format!("--config={}", file.display()));
        let started = Instant::now();
        let exporter = Exporter::start(&arguments);
        let listening_after = started.elapsed();
        exporter.wait_until_ready();
        Self { upstream, exporter, scale, listening_after, _folder: folder }
    }

    /// Lets the scrapers work until `act` is done.
    pub(super) fn load<T>(&self, act: impl FnOnce() -> T) -> (T, Vec<Duration>) {
        under_load(&self.exporter.address, self.scale.scrapers, self.scale.pause, act)
    }

    /// The highest resident memory while `act` runs.
    pub(super) fn peak<T>(&self, act: impl FnOnce() -> T) -> (T, u64) {
        let id = self.exporter.id();
        // proc(5): 5 resets the peak of the resident memory.
        std::fs::write(format!("/proc/{id}/clear_refs"), "5").expect("it is our child");
        let result = act();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        (result, kib << 10)
    }

    /// What the simulator is asked in so many intervals of load, from just after a poll on.
    pub(super) fn count_polls(&self, intervals: u32) -> Polls {
        let names = ["ping", "diag", "nodes", "partitions", "jobs"];
        let requests = || names.map(|name| self.upstream.requests(name));
        let ((start, before), mut latencies) = self.load(|| {
            self.wait_for_next_poll();
            // Half an interval away from the polls, which started together and have no jitter.
            std::thread::sleep(self.scale.interval / 2);
            (Instant::now(), requests())
        });
        let ((), more) = self.load(|| std::thread::sleep(self.scale.interval * intervals));
        let elapsed = start.elapsed();
        latencies.extend(more);
        let polled = |((name, (before, _)), (after, max_in_flight))| Polled {
            name,
            requests: after - before,
            max_in_flight,
        };
        Polls {
            whole_intervals: (elapsed.as_nanos() / self.scale.interval.as_nanos()) as u64,
            endpoints: names.into_iter().zip(before).zip(requests()).map(polled).collect(),
            latencies,
        }
    }

    /// Returns soon after the next poll of the nodes is done.
    pub(super) fn wait_for_next_poll(&self) {
        self.wait_for_polls_of("nodes", 1);
    }

    /// Returns soon after so many more good polls of an endpoint are done.
    fn wait_for_polls_of(&self, endpoint: &str, polls: u32) {
        let polled = |page: &Samples| {
            page.get("slurm_exporter_last_success_timestamp_seconds", &[("endpoint", endpoint)])
        };
        for _ in 0..polls {
            let last = polled(&self.own_page());
            self.wait("the next poll", |page| polled(page) != last);
        }
    }

    /// Strikes, waits for what is promised, heals, and waits until all is as before.
    pub(super) fn run(&self, case: &Case) -> Outcome {
        let name = case.name();
        let before = self.exporter.scrape();
        self.wait_for_next_poll();
        let struck_before = self.upstream.struck(case.kind().word());
        let (((noticed_after, withdrawn_at_age), latencies), peak_bytes) = self.peak(|| {
            let began = Instant::now();
            self.upstream.set_faults(&case.faults());
            self.load(|| match case.promise {
                Promise::Fails(_) => {
                    self.wait(name, |page| case.struck().iter().all(|name| up(page, name) == Some(0.0)));
                    (Some(began.elapsed()), Some(self.wait_for_withdrawal(case)))
                }
                Promise::Partial => {
                    self.wait(name, |page| case.struck().iter().all(|name| up(page, name) == Some(0.0)));
                    let noticed = began.elapsed();
                    // Long enough for what is not fresh to be withdrawn.
                    std::thread::sleep(self.scale.stale_after);
                    (Some(noticed), None)
                }
                Promise::GoesOn(_) | Promise::IsEmpty => {
                    for endpoint in case.struck() {
                        self.wait_for_polls_of(endpoint, 2);
                    }
                    (None, None)
                }
            })
        });
        let page = self.exporter.scrape();
        let struck = self.upstream.struck(case.kind().word()) - struck_before;
        assert!(struck > 0, "{name}: the simulator struck nothing");
        let classes = self.assert_told(case, &before, &page);

        self.upstream.set_faults(&[]);
        let healed = Instant::now();
        let polled = |page: &Samples| page.all("slurm_exporter_endpoint_up").count();
        self.wait(&format!("recovery from {name}"), |page| polled(page) == polled(&before) && is_whole(page));
        if matches!(case.promise, Promise::IsEmpty) {
            case.struck().iter().for_each(|endpoint| self.wait_for_polls_of(endpoint, 1));
        }
        let recovered_after =
            matches!(case.promise, Promise::Fails(_) | Promise::Partial).then(|| healed.elapsed());
        assert_totals(case, &before, &self.exporter.scrape());
        Outcome {
            case: name,
            struck,
            classes,
            latencies,
            peak_bytes,
            noticed_after,
            withdrawn_at_age,
            recovered_after,
        }
    }

    /// Ends a fault whose run was given up.
    pub(super) fn heal(&self) {
        self.upstream.set_faults(&[]);
        self.wait("recovery", is_whole);
    }

    /// Gives the greatest age at which data of a struck endpoint was still there or had just gone.
    fn wait_for_withdrawal(&self, case: &Case) -> Duration {
        let is_withdrawn = |page: &Samples, endpoint| {
            page.get("slurm_exporter_endpoint_stale", &[("endpoint", endpoint)]) == Some(1.0)
        };
        let page = self.wait(case.name(), |page| case.struck().iter().all(|name| is_withdrawn(page, name)));
        let refreshed = |endpoint: &str| {
            let at = page.get("slurm_exporter_last_success_timestamp_seconds", &[("endpoint", endpoint)]);
            SystemTime::UNIX_EPOCH + Duration::from_secs_f64(at.expect("it was polled before"))
        };
        let ages = case.struck().iter().map(|name| refreshed(name).elapsed().expect("time goes on"));
        let ages: Vec<_> = ages.collect();
        for age in &ages {
            assert!(*age > self.scale.stale_after, "{case:?}: withdrawn too early, at {age:?}");
        }
        ages.into_iter().max().unwrap_or_default()
    }

    /// Asserts what the page says while the fault lasts; gives the classes in which failures were counted.
    fn assert_told(&self, case: &Case, before: &Samples, page: &Samples) -> Vec<&'static str> {
        let grown = |class: &&str| errors(page, class) > errors(before, class);
        let known = ["auth", "timeout", "connect", "http_status", "decode", "partial", "too_large", "panic"];
        let classes: Vec<_> = known.into_iter().filter(grown).collect();
        match case.promise {
            Promise::Fails(promised) => {
                // Not slurm_cluster_jobs: /jobs/state, which some faults leave alone, keeps it fresh.
                for family in ["slurm_nodes_total", "slurm_cluster_nodes_total", "slurm_jobs_total"] {
                    assert_eq!(page.all(family).count(), 0, "{case:?}: {family} is withdrawn");
                }
                // What was under way when it began may have ended in its own way.
                assert!(promised.iter().any(|class| classes.contains(class)), "{case:?}: {classes:?}");
            }
            Promise::Partial => {
                assert_eq!(classes, ["partial"], "{case:?}");
                assert_totals(case, before, page);
            }
            Promise::GoesOn(told) => {
                assert_eq!(classes, Vec::<&str>::new(), "{case:?}");
                assert_totals(case, before, page);
                assert!(told(before, page), "{case:?}: the page does not say so");
            }
            Promise::IsEmpty => {
                assert_eq!(classes, Vec::<&str>::new(), "{case:?}");
                assert_eq!(page.get("slurm_cluster_nodes_total", &[]), Some(0.0), "{case:?}");
                assert_eq!(page.sum("slurm_jobs_total", &[]), 0.0, "{case:?}");
            }
        }
        for endpoint in case.spared() {
            assert_eq!(up(page, endpoint), Some(1.0), "{case:?}: {endpoint} goes on");
        }
        assert_eq!(self.exporter.get("/health").0, 200);
        classes
    }

    /// Scrapes until the page is as wanted; fails when that takes unreasonably long.
    fn wait(&self, what: &str, wanted: impl Fn(&Samples) -> bool) -> Samples {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let page = self.own_page();
            if wanted(&page) {
                return page;
            }
            assert!(Instant::now() < deadline, "{what}: {}", self.exporter.get("/ready").1);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the exporter says of itself.
    fn own_page(&self) -> Samples {
        self.exporter.scrape_collector("exporter")
    }
}

fn assert_totals(case: &Case, before: &Samples, now: &Samples) {
    for family in ["slurm_nodes_total", "slurm_jobs_total"] {
        assert_eq!(now.sum(family, &[]), before.sum(family, &[]), "{case:?}: {family}");
    }
}

/// Whether all that was ever polled is fresh.
fn is_whole(page: &Samples) -> bool {
    page.all("slurm_exporter_endpoint_up").all(|(_, up)| up == 1.0)
        && page.sum("slurm_exporter_endpoint_stale", &[]) == 0.0
}

fn up(page: &Samples, endpoint: &str) -> Option<f64> {
    page.get("slurm_exporter_endpoint_up", &[("endpoint", endpoint)])
}

fn errors(page: &Samples, class: &str) -> f64 {
    page.sum("slurm_exporter_collection_errors_total", &[("error_type", class)])
}
