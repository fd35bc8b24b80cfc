//! Every way to fail that we know, against the shipped binary with scrapers at work: what is served, what is said about
//! it, how soon it is whole again, and how much memory it took. `ci/fault-matrix.sh` runs all of it and writes the report.

mod front;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use front::{Front, Hostile, STRUCK};
use mock_slurmrestd::cluster::Size;
use mock_slurmrestd::http::{Fault, FaultKind};

use crate::page::Samples;
use crate::process::Exporter;
use crate::simulator::{SERVED, Simulator};

/// How one run of the matrix goes.
struct Scale {
    size: Size,
    /// Of every endpoint.
    interval: Duration,
    /// Less than a third of the interval: after a time-out an endpoint rests for two more.
    timeout: Duration,
    stale_after: Duration,
    scrapers: u32,
    /// Between two scrapes of one scraper.
    pause: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Case {
    /// Of the simulator, on every endpoint.
    Fault(FaultKind),
    /// Of whoever answers in its place, on [`STRUCK`].
    Hostile(Hostile),
}

/// What one case showed.
struct Outcome {
    case: String,
    /// Classes in which the struck endpoints' failures were counted.
    classes: Vec<String>,
    latencies: Vec<Duration>,
    peak_bytes: u64,
    recovered_after: Duration,
}

impl Case {
    fn all() -> Vec<Self> {
        let faults = FaultKind::ALL.into_iter().map(Self::Fault);
        faults.chain(Hostile::ALL.into_iter().map(Self::Hostile)).collect()
    }

    fn name(self) -> String {
        match self {
            Self::Fault(kind) => kind.word().to_owned(),
            Self::Hostile(hostile) => format!("{hostile:?}"),
        }
    }

    /// The classes that its failures may be counted in.
    fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Fault(FaultKind::Latency) => &["timeout"],
            Self::Fault(FaultKind::InternalError | FaultKind::BadGateway) => &["http_status"],
            Self::Fault(FaultKind::AuthenticationRequired) => &["auth"],
            Self::Fault(FaultKind::Truncate | FaultKind::Reset) => &["connect"],
            // Whether the limit comes first or the time-out depends on the speed of the machine.
            Self::Hostile(Hostile::EndlessBody | Hostile::HugeString | Hostile::ManyLabels) => {
                &["timeout", "too_large"]
            }
            Self::Hostile(Hostile::DeepNesting) => &["decode", "timeout", "too_large"],
            Self::Hostile(Hostile::GzipBomb) => &["decode"],
            Self::Hostile(Hostile::SlowDrip | Hostile::HalfOpen) => &["timeout"],
        }
    }
}

/// A simulator, what stands before it, and an exporter that reads both.
struct Stack {
    simulator: Simulator,
    front: Front,
    exporter: Exporter,
    scale: Scale,
}

impl Stack {
    fn start(scale: Scale) -> Self {
        let simulator = Simulator::of(&scale.size);
        let front = Front::start(simulator.address());
        let millis = |duration: Duration| format!("{}ms", duration.as_millis());
        let mut arguments = vec![
            format!("--slurm.url={}", front.url()),
            format!("--collection.stale-after={}", millis(scale.stale_after)),
        ];
        for endpoint in ["ping", "diag", "job-states", "nodes", "partitions", "jobs"] {
            arguments.push(format!("--collection.intervals.{endpoint}={}", millis(scale.interval)));
        }
        let config = tempfile::tempdir().expect("a folder");
        let file = config.path().join("exporter.yaml");
        let timeout = millis(scale.timeout);
        std::fs::write(&file, format!("slurm: {{request_timeout: {timeout}, connect_timeout: {timeout}}}\n"))
            .expect("the folder takes a file");
        arguments.push(format!("--config={}", file.display()));
        let exporter = Exporter::start(&arguments);
        exporter.wait_until_ready();
        Self { simulator, front, exporter, scale }
    }

    fn strike(&self, case: Case) {
        match case {
            Case::Fault(kind) => {
                let delay = match kind {
                    FaultKind::Latency => self.scale.timeout * 2,
                    _ => Duration::ZERO,
                };
                self.simulator.server.set_faults(vec![Fault { delay, ..Fault::always(kind) }]);
            }
            Case::Hostile(hostile) => self.front.set(Some(hostile)),
        }
    }

    fn heal(&self) {
        self.simulator.server.set_faults(Vec::new());
        self.front.set(None);
    }

    /// Lets scrapers work until `enough` returns something, and gives it with their latencies.
    fn under_load<T>(&self, enough: impl FnOnce() -> T) -> (T, Vec<Duration>) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let scrapers: Vec<_> = (0..self.scale.scrapers)
                .map(|_| {
                    scope.spawn(|| {
                        let mut latencies = Vec::new();
                        while !over.load(Ordering::SeqCst) {
                            latencies.push(scrape(&self.exporter.address));
                            std::thread::sleep(self.scale.pause);
                        }
                        latencies
                    })
                })
                .collect();
            let result = enough();
            over.store(true, Ordering::SeqCst);
            let latencies = scrapers.into_iter().flat_map(|scraper| scraper.join().expect("scrapes work"));
            (result, latencies.collect())
        })
    }

    /// The highest resident memory while `act` runs.
    fn peak<T>(&self, act: impl FnOnce() -> T) -> (T, u64) {
        let id = self.exporter.id();
        // proc(5): 5 resets the peak of the resident memory.
        std::fs::write(format!("/proc/{id}/clear_refs"), "5").expect("it is our child");
        let result = act();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        (result, kib << 10)
    }

    fn run(&self, case: Case) -> Outcome {
        let before = self.exporter.scrape();
        let (((), latencies), peak_bytes) = self.peak(|| {
            self.strike(case);
            self.under_load(|| {
                self.wait(&case.name(), |page| STRUCK.iter().all(|endpoint| is_withdrawn(page, endpoint)));
            })
        });
        let page = self.exporter.scrape();
        // Not slurm_cluster_jobs: /jobs/state, which hostile answers leave alone, keeps it fresh.
        for family in ["slurm_nodes_total", "slurm_cluster_nodes_total", "slurm_jobs_total"] {
            assert_eq!(page.all(family).count(), 0, "{case:?}: {family} is withdrawn");
        }
        let grown = |class: &&str| errors(&page, class) > errors(&before, class);
        let known = ["auth", "timeout", "connect", "http_status", "decode", "partial", "too_large", "panic"];
        let classes: Vec<_> = known.into_iter().filter(grown).collect();
        // What was under way when it began may have ended in its own way.
        assert!(case.classes().iter().any(|class| classes.contains(class)), "{case:?}: {classes:?}");
        let only_struck = matches!(case, Case::Hostile(_));
        for endpoint in ["ping", "diag", "partitions"].iter().filter(|_| only_struck) {
            assert_eq!(up(&page, endpoint), Some(1.0), "{case:?}: {endpoint} goes on");
        }
        assert_eq!(self.exporter.get("/health").0, 200);

        self.heal();
        let healed = Instant::now();
        self.wait(&format!("recovery from {case:?}"), |page| {
            page.sum("slurm_exporter_endpoint_up", &[]) == SERVED
                && page.sum("slurm_exporter_endpoint_stale", &[]) == 0.0
        });
        let recovered_after = healed.elapsed();
        let after = self.exporter.scrape();
        assert_eq!(after.sum("slurm_nodes_total", &[]), before.sum("slurm_nodes_total", &[]), "{case:?}");
        Outcome {
            case: case.name(),
            classes: classes.into_iter().map(str::to_owned).collect(),
            latencies,
            peak_bytes,
            recovered_after,
        }
    }

    /// Scrapes until the page is as wanted; fails when that takes unreasonably long.
    fn wait(&self, what: &str, wanted: impl Fn(&Samples) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !wanted(&self.exporter.scrape_collector("exporter")) {
            assert!(Instant::now() < deadline, "{what}: {}", self.exporter.get("/ready").1);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn is_withdrawn(page: &Samples, endpoint: &str) -> bool {
    let is = |family, value| page.get(family, &[("endpoint", endpoint)]) == Some(value);
    is("slurm_exporter_endpoint_stale", 1.0) && is("slurm_exporter_endpoint_up", 0.0)
}

fn up(page: &Samples, endpoint: &str) -> Option<f64> {
    page.get("slurm_exporter_endpoint_up", &[("endpoint", endpoint)])
}

fn errors(page: &Samples, class: &str) -> f64 {
    page.sum("slurm_exporter_collection_errors_total", &[("error_type", class)])
}

/// One scrape as Prometheus makes it: compressed, to its last byte.
fn scrape(address: &str) -> Duration {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).expect("the exporter accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout above zero");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
        .expect("the request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer is whole");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..100]));
    start.elapsed()
}

#[test]
fn whatever_answers_in_slurmrestd_s_place_is_classed_withdrawn_and_survived() {
    let stack = Stack::start(Scale {
        size: Size::of(20, 40),
        interval: Duration::from_secs(4),
        timeout: Duration::from_millis(1_300),
        stale_after: Duration::from_millis(4_500),
        scrapers: 2,
        pause: Duration::from_millis(100),
    });
    let (_, normal) = stack.peak(|| stack.under_load(|| std::thread::sleep(Duration::from_secs(4))));
    // The full matrix has the others: a minute is enough for every change.
    for hostile in [
        Hostile::EndlessBody,
        Hostile::HugeString,
        Hostile::DeepNesting,
        Hostile::GzipBomb,
        Hostile::HalfOpen,
    ] {
        let outcome = stack.run(Case::Hostile(hostile));
        assert!(!outcome.latencies.is_empty());
        // So small an exporter's normal is less than the largest value that is read, 16 MiB for each struck endpoint.
        let bound = 2 * normal + (32 << 20);
        assert!(outcome.peak_bytes <= bound, "{hostile:?}: {} of {bound} bytes", outcome.peak_bytes);
    }
}

/// 100,000 series and 8 scrapers: promises 1, 3, 4 and 6. Takes minutes, and only a release build is worth it.
#[test]
#[ignore = "takes minutes; ci/fault-matrix.sh runs it"]
fn the_fault_matrix_at_full_size() {
    let stack = Stack::start(Scale {
        size: Size::of(6_700, 20_000),
        interval: Duration::from_secs(5),
        timeout: Duration::from_millis(1_600),
        stale_after: Duration::from_secs(8),
        scrapers: 8,
        pause: Duration::from_millis(250),
    });
    let series = stack.exporter.scrape().count();
    let ((_, calm), normal) =
        stack.peak(|| stack.under_load(|| std::thread::sleep(stack.scale.interval * 3)));
    let mut rows = vec![Outcome {
        case: "none".to_owned(),
        classes: Vec::new(),
        latencies: calm,
        peak_bytes: normal,
        recovered_after: Duration::ZERO,
    }];
    rows.extend(Case::all().into_iter().map(|case| stack.run(case)));

    let mut report = format!(
        "# Fault matrix\n\n{series} series, {} scrapers, interval {:?}, time-out {:?}, stale after {:?}.\n\n\
         | fault | counted as | scrapes | p50 | p99 | max | peak RSS | of normal | whole again after |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        stack.scale.scrapers, stack.scale.interval, stack.scale.timeout, stack.scale.stale_after
    );
    let mut broken = Vec::new();
    for Outcome { case, classes, latencies, peak_bytes, recovered_after } in &mut rows {
        latencies.sort_unstable();
        let at = |quantile: f64| latencies[((latencies.len() - 1) as f64 * quantile).round() as usize];
        let (p99, max) = (at(0.99), at(1.0));
        let share = *peak_bytes as f64 / normal as f64;
        let _ = writeln!(
            report,
            "| {case} | {} | {} | {:.1?} | {p99:.1?} | {max:.1?} | {} MiB | {share:.2} | {recovered_after:.1?} |",
            classes.join(", "),
            latencies.len(),
            at(0.5),
            *peak_bytes >> 20,
        );
        for (what, holds) in [
            ("p99 <= 100 ms", p99 <= Duration::from_millis(100)),
            ("max <= 1 s", max <= Duration::from_secs(1)),
            ("peak RSS <= 2 x normal", share <= 2.0),
            ("whole again within 2 intervals", *recovered_after <= stack.scale.interval * 2),
        ] {
            if !holds {
                broken.push(format!("{case}: {what}"));
            }
        }
    }
    let verdict = if broken.is_empty() { "Every promise holds.".to_owned() } else { broken.join("\n") };
    let _ = writeln!(report, "\n{verdict}");
    println!("{report}");
    if let Some(file) = std::env::var_os("FAULT_MATRIX_REPORT") {
        std::fs::write(file, &report).expect("the report is written");
    }
    assert!(broken.is_empty(), "{verdict}");
}
