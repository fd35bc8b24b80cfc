//! Jobs submitted and nodes drained through the control port appear in the cluster and on the wire.
//! Not here: clocks, faults and tokens of the control port.

use crate::client::{post, start_control};
use crate::ordered::Json;
use mock_slurmrestd::cluster::hostlist;
use mock_slurmrestd::cluster::job::JobState;
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, Simulator};
use mock_slurmrestd::wire::{ApiVersion, Endpoint, Style, write};
use std::time::Duration;

fn empty() -> Simulator {
    Simulator::new(Config::still(Cluster::new(&Size { users: 10, ..Size::of(20, 0) }, 1)))
}

async fn ask(simulator: &Simulator, path: &str, body: &str) -> (u16, String) {
    let control = start_control(simulator).await;
    let reply = post(control, path, body).await;
    (reply.status(), reply.text())
}

#[tokio::test]
async fn a_submitted_job_runs_for_its_time_and_holds_its_licenses() {
    let simulator = empty();
    let order = r#"{"user": "user002", "partition": "batch", "nodes": 2, "cpus": 8, "memory_mb": 4096,
        "run_seconds": 90, "licenses": "matlab:2"}"#;
    let (status, text) = ask(&simulator, "/sim/submit", order).await;
    assert_eq!(status, 200, "{text}");
    let id = Json::parse(text.as_bytes()).get("job_ids").list()[0].number() as u32;
    simulator.advance(Duration::from_secs(5));
    let cluster = simulator.cluster();
    let job = cluster.jobs().iter().find(|job| job.id == id).unwrap();
    assert_eq!((job.state, job.allocation.len(), job.request.cpus()), (JobState::Running, 2, 8));
    assert_eq!(cluster.oracle().licenses["matlab"].used, 2);
    simulator.advance(Duration::from_secs(120));
    let cluster = simulator.cluster();
    let job = cluster.jobs().iter().find(|job| job.id == id).unwrap();
    assert_eq!((job.state, job.end - job.start), (JobState::Completed, 90_000));
    assert_eq!(cluster.oracle().licenses["matlab"].used, 0);
    assert!(cluster.history().jobs().any(|job| job.id == id));
}

#[tokio::test]
async fn an_array_and_a_job_that_waits_for_it_are_told_as_slurm_tells_them() {
    let simulator = empty();
    let array = r#"{"array": "1-9:2,20,30-33%2", "run_seconds": 600}"#;
    let (_, text) = ask(&simulator, "/sim/submit", array).await;
    let id = Json::parse(text.as_bytes()).get("job_ids").list()[0].number();
    let order = format!(r#"{{"dependency": "afterok:{id}", "partition": "batch,all", "hold": false}}"#);
    assert_eq!(ask(&simulator, "/sim/submit", &order).await.0, 200);
    let mut bytes = Vec::new();
    write(&simulator.cluster(), ApiVersion::V0_0_42, Endpoint::Jobs, Style::Pretty, &mut bytes);
    let jobs = Json::parse(&bytes);
    let (first, second) = (&jobs.get("jobs").list()[0], &jobs.get("jobs").list()[1]);
    assert_eq!(first.get("array_task_string").text(), "1-9:2,20,30-33%2");
    assert_eq!(second.get("dependency").text(), format!("afterok:{id}(unfulfilled)"));
    assert_eq!(second.get("partition").text(), "batch,all");
    simulator.advance(Duration::from_secs(10));
    let oracle = simulator.oracle();
    assert_eq!((oracle.jobs_by_state["RUNNING"], oracle.jobs_by_state["PENDING"]), (2, 9));
}

#[tokio::test]
async fn a_node_drained_by_hand_stays_so_until_it_is_resumed() {
    let simulator = empty();
    let (status, text) =
        ask(&simulator, "/sim/drain", r#"{"nodes": "cpu[0001-0002]", "reason": "disk"}"#).await;
    assert_eq!(status, 200, "{text}");
    simulator.advance(Duration::from_secs(86_400));
    let drained = |simulator: &Simulator| {
        let cluster = simulator.cluster();
        let of = |name| cluster.inventory().node(name).unwrap() as usize;
        let reason = |name| cluster.nodes()[of(name)].reason.as_ref().map(|reason| reason.text.to_string());
        [reason("cpu0001"), reason("cpu0002")]
    };
    assert_eq!(drained(&simulator), [Some("disk".to_owned()), Some("disk".to_owned())]);
    ask(&simulator, "/sim/drain", r#"{"nodes": "cpu0001", "undo": true}"#).await;
    assert_eq!(drained(&simulator), [None, Some("disk".to_owned())]);
}

#[tokio::test]
async fn a_bad_wish_is_refused_with_what_was_expected() {
    let simulator = empty();
    for (path, body, words) in [
        ("/sim/submit", r#"{"partition": "fast"}"#, "expected one of batch, gpu, bigmem, all"),
        ("/sim/submit", r#"{"cpu": 3}"#, "unknown key cpu"),
        ("/sim/submit", r#"{"cpus": 1000}"#, "no nodes that have so much"),
        ("/sim/submit", r#"{"array": "5-1"}"#, "ascending task numbers"),
        ("/sim/submit", r#"{"dependency": "afterok:1"}"#, "no job with this id"),
        ("/sim/submit", r#"{"licenses": "abaqus"}"#, "matlab"),
        ("/sim/submit", "[]", "expected an object"),
        ("/sim/drain", r#"{"nodes": "cpu9999", "reason": "x"}"#, "there is none"),
        ("/sim/drain", r#"{"nodes": "cpu[", "reason": "x"}"#, "cpu[0001-0004,0007]"),
        ("/sim/drain", r#"{"nodes": "cpu0001"}"#, "undo"),
    ] {
        let (status, text) = ask(&simulator, path, body).await;
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.contains(words), "{body}: {text}");
    }
    assert!(simulator.cluster().jobs().is_empty());
}

#[tokio::test]
async fn a_job_of_a_higher_tier_sends_one_that_ran_for_a_while_back_into_the_queue() {
    let simulator = empty();
    // One node is left, and a job has it through the partition of the lowest tier.
    let cluster = simulator.cluster();
    let names: Vec<&str> = cluster.inventory().nodes.iter().map(|node| node.name.as_str()).collect();
    let left = (0..names.len()).find(|at| names[*at].starts_with("cpu") && cluster.nodes()[*at].is_usable());
    let drained = hostlist::compress(
        names.iter().enumerate().filter(|(at, _)| Some(*at) != left).map(|(_, name)| *name),
    );
    let drain = format!(r#"{{"nodes": "{drained}", "reason": "test"}}"#);
    assert_eq!(ask(&simulator, "/sim/drain", &drain).await.0, 200);
    let all = r#"{"partition": "all", "cpus": 64, "run_seconds": 86400, "user": "user001"}"#;
    let (status, text) = ask(&simulator, "/sim/submit", all).await;
    assert_eq!(status, 200, "{text}");
    simulator.advance(Duration::from_secs(60));
    let urgent = r#"{"partition": "batch", "cpus": 64, "run_seconds": 3600, "user": "user002"}"#;
    assert_eq!(ask(&simulator, "/sim/submit", urgent).await.0, 200);
    let states = || -> Vec<(JobState, u16)> {
        simulator.cluster().jobs().iter().map(|job| (job.state, job.restarts)).collect()
    };
    simulator.advance(Duration::from_secs(300));
    assert_eq!(states(), [(JobState::Running, 0), (JobState::Pending, 0)], "it is exempt at first");
    simulator.advance(Duration::from_secs(600));
    assert_eq!(states(), [(JobState::Pending, 1), (JobState::Running, 0)]);
}

#[tokio::test]
async fn limits_on_submission_and_on_time_are_told_in_the_words_of_slurm() {
    let simulator = empty();
    // The eighth user has both limits.
    let many = r#"{"user": "user008", "array": "1-10001"}"#;
    let (status, text) = ask(&simulator, "/sim/submit", many).await;
    assert_eq!(status, 400);
    assert!(text.contains("AssocMaxSubmitJobLimit"), "{text}");
    for order in [
        r#"{"user": "user008", "time_limit_minutes": 1441}"#,
        r#"{"user": "user001", "time_limit_minutes": 2881, "qos": "high"}"#,
        r#"{"user": "user001", "time_limit_minutes": 2881}"#,
    ] {
        assert_eq!(ask(&simulator, "/sim/submit", order).await.0, 200, "{order}");
    }
    simulator.advance(Duration::from_secs(60));
    let cluster = simulator.cluster();
    let reasons: Vec<&str> = cluster.jobs().iter().map(|job| job.reason.word()).collect();
    let expected = ["AssocMaxWallDurationPerJobLimit", "QOSMaxWallDurationPerJobLimit", "None"];
    assert_eq!(reasons, expected);
}
