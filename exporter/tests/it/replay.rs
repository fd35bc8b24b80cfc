//! The simulator that replays recordings, read over HTTP: the exporter's page is the one that it makes of the folder
//! itself. What the recordings say is judged elsewhere.

use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, Replay, Simulator};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::process::Exporter;
use crate::record::{cluster_page, replay};
use crate::recordings::{RECORDED, fixtures};

#[test]
fn every_recording_reads_the_same_over_http_and_from_its_folder() {
    let runtime = Runtime::new().expect("a runtime starts");
    for (release, version) in RECORDED {
        let folder = fixtures().join(release).join(version);
        let replayed = Replay::read(&folder).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(replayed.api().name(), *version);
        let cluster = Cluster::new(&Size::of(1, 0), 1);
        let config = Config {
            served: replayed.api()..=replayed.api(),
            replay: Some(replayed),
            ..Config::still(cluster)
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        runtime.spawn(Simulator::new(config).serve(listener, std::future::pending()));

        let live = Exporter::start(&["--slurm.url", &url]);
        live.wait_until_ready();
        let from_folder = replay(folder.to_str().expect("the path is text"));
        let (live, from_folder) = (cluster_page(&live), cluster_page(&from_folder));
        assert!(live.len() > 100, "{release} {version}: only {} samples", live.len());
        let difference: Vec<_> = live.symmetric_difference(&from_folder).collect();
        assert!(difference.is_empty(), "{release} {version}: {difference:#?}");
    }
}
