//! The simulator judged by the real thing: the same bytes go to a real slurmrestd 24.11 and to the simulator as that
//! release, and status lines, headers, closing and the shapes of bodies are compared. What differs stands in a table.

mod exchange;
mod requests;
mod shape;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Auth, Config, Simulator};
use mock_slurmrestd::wire::Release;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::cluster::RealSlurm;
use super::lacks_something;
use exchange::{Answer, exchange};
use requests::{Tokens, requests};
use shape::Shape;

const PORT: u16 = 25_820;
const SUITE: &str = "trixie";

/// What is known to differ: the request, what about it, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

#[test]
fn a_real_slurm_24_11_and_the_simulator_answer_alike() {
    if lacks_something() {
        return;
    }
    let slurm = RealSlurm::start(SUITE, PORT).unwrap_or_else(|reason| panic!("{SUITE}: {reason}"));
    slurm.make_special_cases();
    let version = slurm.run("sinfo --version");
    assert!(version.contains("24.11"), "{version}");
    let key = std::fs::read(slurm.dir().join("root/etc/slurm/jwt_hs256.key")).expect("it has a key");
    let tokens = Tokens::signed_with(&key);
    let (_runtime, address) = simulator(&key);

    let requests = requests(&tokens);
    let mut found = BTreeMap::new();
    let mut report = format!("{} requests\n", requests.len());
    for request in &requests {
        let real = exchange(&format!("127.0.0.1:{PORT}"), &request.bytes);
        let simulated = exchange(&address, &request.bytes);
        for (what, theirs, ours) in differences(&real, &simulated) {
            let _ =
                writeln!(report, "{}: {what}\n    real:      {theirs}\n    simulator: {ours}", request.name);
            found.insert((request.name, what), ());
        }
    }
    println!("{report}");
    let listed: BTreeMap<_, _> =
        DIFFERENCES.iter().map(|(name, what, _)| ((*name, (*what).to_owned()), ())).collect();
    assert_eq!(found, listed, "found and listed differences: {report}");
    assert!(requests.len() > 60, "only {} requests", requests.len());
}

/// A simulated cluster of that release which takes the same tokens.
fn simulator(key: &[u8]) -> (Runtime, String) {
    let runtime = Runtime::new().expect("a runtime starts");
    let cluster = Cluster::new(&Size::of(100, 200), 1);
    let config = Config { auth: Auth::key(key), ..Config::still(cluster).as_release(Release::S24_11) };
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    runtime.spawn(Simulator::new(config).serve(listener, std::future::pending()));
    (runtime, address)
}

/// What differs, and what each of both has.
fn differences(real: &[Answer], simulated: &[Answer]) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut compare = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            found.push((what.to_owned(), theirs, ours));
        }
    };
    compare("answers", real.len().to_string(), simulated.len().to_string());
    for (theirs, ours) in real.iter().zip(simulated) {
        compare("status line", theirs.status_line.clone(), ours.status_line.clone());
        compare("headers", theirs.headers.join(", "), ours.headers.join(", "));
        compare("end", format!("{:?}", theirs.end), format!("{:?}", ours.end));
        match (Shape::of(&theirs.body), Shape::of(&ours.body)) {
            (Some(theirs), Some(ours)) => {
                for (path, theirs, ours) in theirs.differences(&ours) {
                    compare(&path, theirs, ours);
                }
            }
            _ => compare("body", text(&theirs.body), text(&ours.body)),
        }
    }
    found
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}
