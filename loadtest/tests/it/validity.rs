//! Runs that cannot be judged, each by what really happened to it: never a pass, whatever the rules say.
//! The targets are good ones; what is wrong is the generator, the machine or the course of the run.

use rustix::process::{Pid, Signal, kill_process};

use crate::stub::{Answer, Behaviour, Bench, Stub};

const INCONCLUSIVE: (Option<i32>, &str) = (Some(3), "⚠ LOAD TEST INCONCLUSIVE");

#[tokio::test(flavor = "multi_thread")]
async fn a_saturated_generator_judges_nobody() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    // One core for the generator, and more requests than it can make; the stub has the others as well. On a machine
    // that does nothing else the core is used up, on a busy one the users wait for it.
    let program = env!("CARGO_BIN_EXE_loadtest");
    let arguments = ["--cpu-list", "0", program, "run", "--scenario-file", "short.toml", "--sla", "sla.toml"];
    let more = ["--out", "out", "--target", &stub.url, "--vus", "100", "--rate", "1000", "--duration", "4s"];
    let output = bench.command("taskset", &[&arguments[..], &more].concat()).output().await.unwrap();
    let answer = Answer::of(output);
    assert_eq!(answer.verdict(), INCONCLUSIVE, "{answer:#?}");
    assert!(answer.stdout.contains("note: invalid run: the "), "{answer:#?}");
    assert_eq!(bench.record().generator.unwrap().cpus_available, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_stood_still_judges_nobody() {
    let mut stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    let child = bench.start(&stub.url, &["--duration", "6s"]);
    stub.requests(300).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    // This long is what is tested: the time in which the generator is not there.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    kill_process(pid, Signal::CONT).unwrap();
    let answer = Answer::of(child.wait_with_output().await.unwrap());
    assert_eq!(answer.verdict(), INCONCLUSIVE, "{answer:#?}");
    assert!(answer.stdout.contains("note: invalid run: the generator stood still for "), "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_latency_changes_for_good_is_not_steady() {
    let slowed = Stub::start(Behaviour { slow_after: 450, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let unsteady = bench.run(&slowed.url, &["--vus", "4", "--rate", "3", "--duration", "62s"]).await;
    assert_eq!(unsteady.verdict(), INCONCLUSIVE, "{unsteady:#?}");
    let reason = "inconclusive: the latency had not settled: about ";
    assert!(unsteady.stdout.contains(reason), "{unsteady:#?}");
}
