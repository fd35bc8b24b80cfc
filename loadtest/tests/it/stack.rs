//! The stack that loadtest starts itself, with scripts in the place of exporter and simulator.
//! The scripts say what the real programs say; the pages come from the stub.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::stub::{Answer, Behaviour, Bench, Stub, is_empty};

/// Puts the two scripts into the bench; both leave their process id in a file.
pub(crate) fn scripts(bench: &Bench, url: &str, exporter: &str) {
    let simulator = format!(
        "#!/bin/sh\nif [ \"$1\" = token ]; then echo SLURM_JWT=signed; exit; fi\n\
         echo \"$@\" > simulator.args\necho $$ > simulator.pid\n\
         echo listening on http://127.0.0.1:1\necho control on {url}\nexec sleep 600\n"
    );
    let exporter = exporter.replace("URL", url);
    for (name, text) in [("simulator", simulator), ("exporter", format!("#!/bin/sh\n{exporter}"))] {
        let path = bench.write(name, &text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub(crate) const GOOD_EXPORTER: &str = "echo $$ > exporter.pid\necho \"$(cat out/.slurm.token) $@\" > exporter.args\n\
                             echo started >&2\necho listening on URL\nexec sleep 600\n";
pub(crate) const BINARIES: [&str; 4] = ["--exporter-bin", "./exporter", "--simulator-bin", "./simulator"];

/// What the tests themselves put into the bench.
const FILES: [&str; 4] = ["short.toml", "sla.toml", "exporter", "simulator"];

fn text(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.folder.path().join(name)).unwrap()
}

fn pid(bench: &Bench, name: &str) -> Pid {
    Pid::from_raw(text(bench, name).trim().parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_is_started_checked_against_the_oracle_and_stopped() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    scripts(&bench, &stub.url, GOOD_EXPORTER);
    let answer = bench
        .run("", &[&BINARIES[..], &["--preset", "tiny", "--seed", "7", "--nodes", "100"]].concat())
        .await;
    assert_eq!(answer.verdict(), (Some(0), "✅ LOAD TEST PASSED"), "{answer:#?}");
    assert!(answer.stdout.contains("page agrees with the simulator"), "{answer:#?}");
    let key = "out/.jwt.key";
    assert_eq!(
        text(&bench, "simulator.args").trim(),
        format!(
            "--preset tiny --seed 7 --listen 127.0.0.1:0 --control 127.0.0.1:0 --jwt-key {key} --nodes 100"
        )
    );
    assert_eq!(
        text(&bench, "exporter.args").trim(),
        "signed --slurm.url http://127.0.0.1:1 --slurm.user slurm --server.listen 127.0.0.1:0 --slurm.token-file out/.slurm.token"
    );
    assert!(!bench.folder.path().join(key).exists() && !bench.out().join(".slurm.token").exists());
    assert_eq!(text(&bench, "out/exporter.log"), "started\n");
    for name in ["exporter.pid", "simulator.pid"] {
        assert!(test_kill_process(pid(&bench, name)).is_err(), "{name} still runs");
    }
    let record = bench.record();
    assert_eq!(record.seed, Some(7));
    assert_eq!(record.subject.unwrap().source, "/proc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_contradicts_the_simulator_fails() {
    let stub = Stub::start(Behaviour { true_nodes: 99, ..Behaviour::default() }).await;
    let bench = Bench::new();
    scripts(&bench, &stub.url, GOOD_EXPORTER);
    let answer = bench.run("", &BINARIES).await;
    assert_eq!(answer.verdict(), (Some(1), "❌ LOAD TEST FAILED"), "{answer:#?}");
    assert!(answer.stdout.contains("nodes: the page says 100"), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_that_dies_under_load_has_failed() {
    let mut stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    scripts(&bench, &stub.url, GOOD_EXPORTER);
    let child = bench.start("", &[&BINARIES[..], &["--duration", "10m"]].concat());
    stub.requests(400).await;
    kill_process(pid(&bench, "exporter.pid"), Signal::KILL).unwrap();
    let answer = Answer::of(child.wait_with_output().await.unwrap());
    assert_eq!(answer.verdict(), (Some(1), "❌ LOAD TEST FAILED"), "{answer:#?}");
    let aborted = bench.record().aborted.unwrap();
    assert!(aborted.starts_with("the target ended during the run"), "{aborted}");
    assert!(test_kill_process(pid(&bench, "simulator.pid")).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_that_does_not_start_is_quoted() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    scripts(&bench, &stub.url, "echo slurm.url: no such host >&2\nexit 2\n");
    let answer = bench.run("", &BINARIES).await;
    assert_eq!(answer.code, Some(4), "{answer:#?}");
    assert!(answer.stderr.contains("the exporter ended before it listened (exit status: 2)"), "{answer:#?}");
    assert!(answer.stderr.contains("the exporter: slurm.url: no such host"), "{answer:#?}");
    assert!(!bench.out().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulator_that_does_not_start_is_quoted_and_leaves_nothing_behind() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    scripts(&bench, &stub.url, GOOD_EXPORTER);
    let simulator = bench.write("simulator", "#!/bin/sh\necho listen: in use >&2\nexit 4\n");
    std::fs::set_permissions(simulator, std::fs::Permissions::from_mode(0o755)).unwrap();
    for out in ["out", "new/inner"] {
        let arguments = [&["run", "quick", "--out", out], &BINARIES[..]].concat();
        let answer = Answer::of(bench.spawn(&arguments).wait_with_output().await.unwrap());
        assert_eq!(answer.code, Some(4), "{answer:#?}");
        let expected =
            "the simulator ended before it listened (exit status: 4)\n  the simulator: listen: in use\n";
        assert!(answer.stderr.ends_with(expected), "{answer:#?}");
        assert!(is_empty(bench.folder.path(), &FILES), "{out} left files behind");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_interrupted_before_its_load_leaves_nothing_behind() {
    let mut stub = Stub::start(Behaviour { ready: false, ..Behaviour::default() }).await;
    let bench = Bench::new();
    scripts(&bench, &stub.url, GOOD_EXPORTER);
    let child = bench.start("", &BINARIES);
    stub.requests(1).await;
    assert!(bench.out().join("exporter.log").exists());
    kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::INT).unwrap();
    let answer = Answer::of(child.wait_with_output().await.unwrap());
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(130), ""), "{answer:#?}");
    assert!(!bench.out().exists());
}
