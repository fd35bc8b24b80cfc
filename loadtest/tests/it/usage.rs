//! Wrong usage: one clear line, exit code 2, and nothing left behind.
//! Nothing is loaded here; every case ends before a run begins.

use crate::stub::{Answer, Bench, is_empty};

async fn check(bench: &Bench, arguments: &[&str], code: i32, expected: &str) {
    let answer = Answer::of(bench.spawn(arguments).wait_with_output().await.unwrap());
    assert_eq!(answer.code, Some(code), "{answer:#?}");
    assert_eq!(answer.stdout, "");
    assert!(answer.stderr.contains(expected), "{answer:#?}");
    assert!(
        is_empty(bench.folder.path(), &["short.toml", "sla.toml"]),
        "files were left behind by {arguments:?}"
    );
}

#[tokio::test]
async fn an_unknown_scenario_is_answered_with_the_known_ones() {
    let bench = Bench::new();
    let expected = "loadtest: unknown scenario \"basline\", expected one of quick, baseline, stress, ";
    check(&bench, &["run", "basline"], 2, expected).await;
}

#[tokio::test]
async fn the_published_schema_is_that_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/scenario.json");
    let answer = Answer::of(Bench::new().spawn(&["schema"]).wait_with_output().await.unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &answer.stdout).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    assert!(answer.stdout == expected, "schema/scenario.json is stale: UPDATE_GOLDEN=1 rewrites it");
}

#[tokio::test]
async fn an_unknown_key_in_a_file_is_named_with_its_line() {
    let bench = Bench::new();
    let rules = std::fs::read_to_string(bench.folder.path().join("sla.toml")).unwrap();
    bench.write("sla.toml", &rules.replacen("value = \"5s\"", "value = \"5s\"\nlimit = 1", 1));
    let arguments = ["run", "quick", "--sla", "sla.toml", "--target", "http://127.0.0.1:9"];
    check(&bench, &arguments, 2, "loadtest: sla.toml: line 7: rule \"p95\": limit: unknown key").await;

    let scenario = std::fs::read_to_string(bench.folder.path().join("short.toml")).unwrap();
    bench.write("short.toml", &scenario.replacen("rate", "pace", 1));
    check(
        &bench,
        &["run", "--scenario-file", "short.toml"],
        2,
        "loadtest: short.toml: line 3: unknown field \"pace\"",
    )
    .await;
}

#[tokio::test]
async fn rules_that_can_never_be_judged_are_refused() {
    let bench = Bench::new();
    let rules = std::fs::read_to_string(bench.folder.path().join("sla.toml")).unwrap();
    bench.write("sla.toml", &format!("{rules}request = \"metrics\"\n"));
    let arguments = ["run", "quick", "--sla", "sla.toml"];
    let expected = "the scenario quick makes no request \"metrics\", \
                    did you mean metrics_gzip? expected one of metrics_gzip, metrics_identity";
    check(&bench, &arguments, 2, expected).await;
    bench.write("sla.toml", &rules.replace("0.95", "0.999"));
    let expected = "sla.toml: rule \"p95\": min_samples: needs 3,688 requests, \
                    and the plan makes at most 1,050 in 20 s\n";
    check(&bench, &arguments, 2, expected).await;
}

#[tokio::test]
async fn a_file_in_the_place_of_the_results_is_refused_before_anything_is_asked() {
    let bench = Bench::new();
    // Nobody listens there: asking would end with 4.
    let target = ["--target", "http://127.0.0.1:9"];
    let programs = ["--exporter-bin", "/bin/false", "--simulator-bin", "/bin/false"];
    for subject in [&target[..], &programs] {
        for out in ["sla.toml", "sla.toml/inner"] {
            let arguments = [&["run", "quick", "--out", out], subject].concat();
            check(&bench, &arguments, 2, "loadtest: --out sla.toml: is there and is not a folder\n").await;
        }
    }
}

#[tokio::test]
async fn a_target_that_is_not_there_could_not_be_run() {
    let bench = Bench::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    check(&bench, &["run", "quick", "--target", &url], 4, "/metrics does not answer").await;
}

#[tokio::test]
async fn the_scenarios_are_listed() {
    let bench = Bench::new();
    let answer = Answer::of(bench.spawn(&["list"]).wait_with_output().await.unwrap());
    let names: Vec<&str> = answer.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(answer.code, Some(0));
    assert_eq!(names[..6], ["quick", "baseline", "stress", "spike", "endurance", "capacity"]);
    assert_eq!(names.len(), 12);
}

#[tokio::test]
async fn files_are_validated_all_at_once() {
    let bench = Bench::new();
    let ask = async |files: &[&str]| {
        Answer::of(bench.spawn(&[&["validate"], files].concat()).wait_with_output().await.unwrap())
    };
    let good = ask(&["short.toml", "sla.toml"]).await;
    assert_eq!(
        (good.code, good.stdout.as_str()),
        (Some(0), "short.toml: scenario short\nsla.toml: 3 rules\n")
    );
    let text = |name: &str| std::fs::read_to_string(bench.folder.path().join(name)).unwrap();
    bench.write("bad-rules.toml", &text("sla.toml").replacen("latency", "latnecy", 1));
    bench.write("bad-scenario.toml", &text("short.toml").replacen("warmup", "warmupp", 1));
    let bad = ask(&["bad-scenario.toml", "sla.toml", "bad-rules.toml", "none.toml"]).await;
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(2), "sla.toml: 3 rules\n"), "{bad:#?}");
    for expected in [
        "bad-scenario.toml: line 4: unknown field \"warmupp\", did you mean \"warmup\"? expected one of \"name\"",
        "bad-rules.toml: line 3: rule \"p95\": metric: \"latnecy\" is unknown, did you mean latency? expected one of",
        "none.toml: cannot be read: No such file or directory",
    ] {
        assert!(bad.stderr.contains(expected), "{expected}: {bad:#?}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_the_plan_and_starts_nothing() {
    let bench = Bench::new();
    // Nobody listens there, and nobody is asked.
    let target = ["--target", "http://127.0.0.1:9", "--sla", "sla.toml", "--dry-run"];
    let arguments = [&["run", "--scenario-file", "short.toml", "--out", "out"], &target[..]].concat();
    let answer = Answer::of(bench.spawn(&arguments).wait_with_output().await.unwrap());
    let expected = "scenario: short ()\ntarget: http://127.0.0.1:9/metrics\n\
                    load: 20 users at the highest point, 10 requests per second each\n\
                    requests: 600 at most, 400 of them judged\nduration: 3 s (1 s warm-up, 2 s judged)\n\
                    rule: p95 < 5 s\nrule: error rate < 5 %\nrule: content errors <= 0\n";
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), expected), "{answer:#?}");
    assert!(!bench.out().exists());
}
