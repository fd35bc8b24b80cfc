//! Recorded answers come back byte by byte, with faults if wanted, and a folder without any is told.
//! Not here: what a reader makes of them.

use crate::client::{Reply, get, start};
use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, Fault, Replay};
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

async fn replayed(folder: &Path, faults: &[&str]) -> std::net::SocketAddr {
    let replay = Replay::read(folder).unwrap();
    let served = replay.api()..=replay.api();
    let faults = faults.iter().map(|fault| fault.parse::<Fault>().unwrap().into()).collect();
    let config = Config::still(Cluster::new(&Size::of(1, 0), 1));
    start(Config { served, replay: Some(replay), faults, ..config }).await.0
}

#[tokio::test]
async fn answers_come_as_they_were_recorded() {
    let address = replayed(&fixture("26.05.5/v0.0.43"), &["401:endpoint=diag"]).await;
    let ask = async |path: &str| -> Reply { get(address, path, &[]).await };
    for name in ["ping", "nodes", "jobs", "partitions"] {
        let reply = ask(&format!("/slurm/v0.0.43/{name}")).await;
        let recorded = std::fs::read(fixture(&format!("26.05.5/v0.0.43/{name}.json"))).unwrap();
        assert!(reply.status() == 200 && reply.body == recorded, "{name}");
        assert_eq!(reply.header("Content-Type"), Some("application/json"), "{name}");
    }
    assert_eq!(ask("/slurm/v0.0.43/diag").await.status(), 401, "a fault strikes here too");
    assert_eq!(ask("/slurm/v0.0.42/ping").await.status(), 404, "another version");
    // The folder has it under another name.
    assert_eq!(ask("/slurm/v0.0.43/jobs/state").await.status(), 404, "not recorded");
}

#[tokio::test]
async fn an_error_comes_with_the_head_that_it_had() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture("24.11.5/v0.0.42/ping.json"), folder.path().join("ping.json")).unwrap();
    let recorded = std::fs::read_to_string(fixture(
        "../../../exporter/tests/fixtures/errors/24.11.5/ctlddown-nodes.http",
    ))
    .unwrap();
    std::fs::write(folder.path().join("nodes.http"), &recorded).unwrap();
    let address = replayed(folder.path(), &[]).await;
    let reply = get(address, "/slurm/v0.0.42/nodes", &[]).await;
    assert_eq!(reply.status_line, "HTTP/1.1 502 BAD GATEWAY");
    assert_eq!(reply.header("Connection"), Some("Close"));
    assert_eq!(Some(reply.text().as_str()), recorded.split_once("\r\n\r\n").map(|(_, body)| body));
}

#[test]
fn a_folder_without_recordings_is_told_with_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &Path| Replay::read(path).unwrap_err().to_string();
    assert!(told(&folder.path().join("nope")).ends_with("nope: is no folder"));
    assert!(
        told(folder.path())
            .contains("no answer is in it: expected NAME.json or NAME.http, NAME one of ping,")
    );
    let file = folder.path().join("nodes.http");
    std::fs::write(&file, "{}").unwrap();
    assert!(told(folder.path()).starts_with(&format!("{}: expected an HTTP answer", file.display())));
    std::fs::write(&file, "HTTP/1.1 401 UNAUTHORIZED\r\n\r\n").unwrap();
    assert!(told(folder.path()).contains("tells its API version in meta.plugin.data_parser"));
}
