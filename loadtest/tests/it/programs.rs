//! loadtest together with what it does not bring along: a real Pushgateway, and control groups of the kernel.
//! Each test says what it lacks, and fails for it where nothing may be missing.

use std::process::Stdio;
use std::time::Duration;

use reports::model::verdict::Outcome;
use tokio::process::{Child, Command};

use crate::stack::{BINARIES, GOOD_EXPORTER, scripts};
use crate::stub::{Behaviour, Bench, GOOD_PAGE, Stub};

/// Tells on one line what is missing; fails instead where nothing may be missing.
fn missing(what: &str, found: bool, remedy: &str) -> bool {
    if !found {
        let required = std::env::var_os("REQUIRE_REAL_PROGRAMS").is_some_and(|value| value == "1");
        assert!(!required, "{what} is missing: {remedy}");
        println!("skipped, {what} is missing: {remedy}");
    }
    !found
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A Pushgateway on a port that was free a moment ago, and its address.
async fn gateway() -> (Child, String) {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = Command::new("prometheus-pushgateway")
        .arg(format!("--web.listen-address={listen}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let url = format!("http://{listen}");
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while reqwest::get(format!("{url}/-/ready")).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the Pushgateway does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (child, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_pushgateway_takes_the_result_of_good_and_bad_runs() {
    let remedy = "apt-get install prometheus-pushgateway";
    if missing("prometheus-pushgateway", on_path("prometheus-pushgateway"), remedy) {
        return;
    }
    let (_gateway, url) = gateway().await;
    for (fail_every, verdict, rates) in [(0, (Some(0), "1"), 0.0..=0.0), (2, (Some(1), "0"), 0.4..=0.6)] {
        let stub = Stub::start(Behaviour { fail_every, ..Behaviour::default() }).await;
        let bench = Bench::new();
        let answer = bench.run(&stub.url, &["--push-gateway", &url]).await;
        assert!(!answer.stderr.contains("not pushed"), "{answer:#?}");
        let page = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
        let value = |name: &str| {
            let series = format!(
                "slurm_load_test_{name}{{instance=\"\",job=\"slurm_load_test\",scenario=\"short\"}} "
            );
            page.lines()
                .find_map(|line| line.strip_prefix(&series))
                .unwrap_or_else(|| panic!("{name}: {page}"))
        };
        assert_eq!((answer.code, value("passed")), verdict, "{answer:#?}");
        // Every second of all requests fails, which is half of the measured ones only where these are even.
        let error_rate: f64 = value("error_rate").parse().unwrap();
        assert!(rates.contains(&error_rate), "{error_rate}");
        assert_eq!(Some(error_rate), bench.record().error_rate());
        for name in ["response_time_p50", "response_time_p95", "response_time_p99", "throughput_rps"] {
            assert!(value(name).parse::<f64>().unwrap() > 0.0, "{name}");
        }
        // Two seconds are no slice: what is not known is not there.
        assert!(!page.contains("slurm_load_test_availability"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_not_there_is_told_and_changes_no_verdict() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &["--push-gateway", "http://127.0.0.1:9"]).await;
    assert_eq!(answer.code, Some(0), "{answer:#?}");
    assert!(answer.stderr.contains("the result was not pushed: "), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_beside_the_load() {
    if missing("prometheus", on_path("prometheus"), "apt-get install prometheus") {
        return;
    }
    // A page that only Prometheus refuses, in part: no sample may come from the far future.
    let future = format!("{GOOD_PAGE}slurm_future 1 9999999999999\n");
    let cases = [
        (Behaviour::default(), (Some(0), "✅ LOAD TEST PASSED"), ""),
        (
            Behaviour { page: future, ..Behaviour::default() },
            (Some(1), "❌ LOAD TEST FAILED"),
            "out_of_bounds_total is ",
        ),
        (
            Behaviour { fail_every: 1, ..Behaviour::default() },
            (Some(1), "❌ LOAD TEST FAILED"),
            "up was 0 at",
        ),
    ];
    for (behaviour, verdict, problem) in cases {
        let stub = Stub::start(behaviour).await;
        let bench = Bench::new();
        let answer = bench.run(&stub.url, &["--with-prometheus"]).await;
        assert_eq!(answer.verdict(), verdict, "{answer:#?}");
        let rule = bench.verdict().rules.into_iter().find(|rule| rule.id == "prometheus").unwrap();
        assert!(rule.samples > 0 && rule.reason.contains(problem), "{rule:?}");
        assert_eq!(rule.outcome == Outcome::Pass, problem.is_empty(), "{rule:?}");
        assert!(bench.out().join("prometheus.log").is_file());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_is_held_to_its_share_of_a_core() {
    let is_root = rustix::process::geteuid().is_root();
    if missing("the right to make control groups", is_root, "run the tests as root") {
        return;
    }
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    // Busy for ever, beside its word on stdout: it takes all that it gets.
    let busy = GOOD_EXPORTER.replace("exec sleep 600", "while :; do :; done");
    scripts(&bench, &stub.url, &busy);
    let flags = [&BINARIES[..], &["--target-cpus", "0.2", "--duration", "6s"]].concat();
    let answer = bench.run("", &flags).await;
    assert!(matches!(answer.code, Some(0 | 3)), "{answer:#?}");
    let subject = bench.record().subject.unwrap();
    let cores = subject.cpu_seconds / bench.record().duration_seconds;
    assert!(cores < 0.25, "{cores} cores");
    let group = subject.cgroup.unwrap();
    assert_eq!((subject.cpus_available, group.cpu_limit_cores), (0.2, Some(0.2)));
    assert!(group.throttled_share().unwrap() > 0.5, "{group:?}");
    assert!(!std::path::Path::new(&group.path).exists(), "{} was left behind", group.path);
}
