//! The open loop against targets of known behaviour: every arrival is sent or counted as dropped, with its cause.
//! Schedules themselves are tested beside their code.

use reports::model::run::ArrivalStats;

use crate::stub::{Answer, Behaviour, Bench, Stub};

const PASSED: &str = "✅ LOAD TEST PASSED";
const FAILED: &str = "❌ LOAD TEST FAILED";
const INCONCLUSIVE: &str = "⚠ LOAD TEST INCONCLUSIVE";

fn arrivals(bench: &Bench) -> ArrivalStats {
    bench.record().arrivals.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_target_gets_every_arrival() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    // A machine with other work may send late, which is no matter of this test.
    let answer = bench.run(&stub.url, &["--executor", "open"]).await;
    let late = answer.stdout.contains("the generator sent too late");
    let expected = if late { (Some(3), INCONCLUSIVE) } else { (Some(0), PASSED) };
    assert_eq!(answer.verdict(), expected, "{answer:#?}");
    assert!(answer.stdout.contains("dropped 0 of 400 arrivals, schedule lag p50 "), "{answer:#?}");
    let record = bench.record();
    let arrivals = record.arrivals.as_ref().unwrap();
    // 20 users with 10 requests a second each, for two seconds.
    assert_eq!((arrivals.scheduled, arrivals.lag.count(), arrivals.dropped()), (400, 400, 0));
    assert_eq!(record.seconds.iter().map(|second| second.requests).sum::<u64>(), 600);
    assert_eq!(record.seed, Some(1));
    assert_eq!(record.parameters["arrivals"], "constant");
    assert!(!bench.out().join("goose.html").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_holds_all_requests_has_failed() {
    let stub = Stub::start(Behaviour { hang_after: 100, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let flags = ["--executor", "open", "--max-in-flight", "240", "--duration", "4s", "--timeout", "3s"];
    let answer = bench.run(&stub.url, &flags).await;
    let arrivals = arrivals(&bench);
    assert_eq!(arrivals.scheduled, 800);
    // Unless the schedule itself was late, which spoils the run.
    if arrivals.dropped_by_generator == 0 && !answer.stdout.contains("the generator sent too late") {
        assert!(arrivals.dropped_by_target > 0);
        assert_eq!(answer.verdict(), (Some(1), FAILED), "{answer:#?}");
        assert!(answer.stdout.contains("the target held all the requests"), "{answer:#?}");
    } else {
        assert_eq!(answer.verdict(), (Some(3), INCONCLUSIVE), "{answer:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_that_is_too_small_spoils_the_run() {
    let delay = std::time::Duration::from_millis(100);
    let stub = Stub::start(Behaviour { delay, ..Behaviour::default() }).await;
    let bench = Bench::new();
    let answer = bench.run(&stub.url, &["--executor", "open", "--max-in-flight", "5"]).await;
    assert_eq!(answer.verdict(), (Some(3), INCONCLUSIVE), "{answer:#?}");
    assert!(answer.stdout.contains("its cap on requests in flight is too small"), "{answer:#?}");
    let arrivals = arrivals(&bench);
    assert_eq!((arrivals.scheduled, arrivals.dropped_by_target), (400, 0));
    // 5 in 100 ms are 50 a second of 200.
    assert!(arrivals.dropped_by_generator > 200, "{arrivals:?}");
    assert_eq!(arrivals.lag.count() + arrivals.dropped(), arrivals.scheduled);
}

/// Starts shard `index` of two, to begin at `start_at`, with its results in a folder of its own.
fn shard(bench: &Bench, url: &str, index: u32, start_at: &str) -> tokio::process::Child {
    let (shard, out) = (format!("{index}/2"), format!("shard-{index}"));
    let scenario = ["run", "--scenario-file", "short.toml", "--sla", "sla.toml", "--executor", "open"];
    let flags =
        ["--arrivals", "poisson", "--target", url, "--shard", &shard, "--start-at", start_at, "--out", &out];
    bench.spawn(&[&scenario[..], &flags].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_begin_together_and_are_merged_into_the_arrivals_of_one_run() {
    let stub = Stub::start(Behaviour::default()).await;
    let bench = Bench::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Long enough for two processes to start on a busy machine.
    let start_at = (now + 10).to_string();
    let one = bench.start(&stub.url, &["--executor", "open", "--arrivals", "poisson"]);
    let shards = [0, 1].map(|index| shard(&bench, &stub.url, index, &start_at));
    for child in shards {
        let answer = Answer::of(child.wait_with_output().await.unwrap());
        assert!(answer.stdout.contains("LOAD TEST"), "{answer:#?}");
    }
    one.wait_with_output().await.unwrap();
    let alone = bench.record();

    let merge = |folders: &[&str], flags: &[&str]| {
        bench.spawn(&[&["merge"], folders, &["--out", "out"], flags].concat()).wait_with_output()
    };
    let rules = ["--sla", "sla.toml"];
    for (folders, flags, problem) in [
        (&["shard-0"][..], &rules[..], "shard 1/2 is missing"),
        (&["shard-0", "shard-1", "shard-1"], &rules, "shard 1/2 is there 2 times"),
        (&["shard-0", "shard-1"], &[], "the shards were judged by sla.toml: name it by --sla"),
        (&["shard-0", "nowhere"], &rules, "nowhere/run.json: cannot be read"),
    ] {
        let answer = Answer::of(merge(folders, flags).await.unwrap());
        assert_eq!(answer.code, Some(2), "{answer:#?}");
        assert!(answer.stderr.contains(problem), "{answer:#?}");
    }
    let answer = Answer::of(merge(&["shard-1", "shard-0"], &rules).await.unwrap());
    assert_eq!(answer.stdout.matches("LOAD TEST").count(), 1, "{answer:#?}");
    let merged = bench.record();
    let scheduled = |record: &reports::model::RunRecord| record.arrivals.as_ref().unwrap().scheduled;
    assert_eq!(scheduled(&merged), scheduled(&alone));
    assert_eq!(merged.parameters["shards"], 2);
    assert_eq!(merged.seconds[2].offered, Some(200.0));
}
