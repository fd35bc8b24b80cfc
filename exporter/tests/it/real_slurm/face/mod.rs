//! The simulator judged by the real thing: the same bytes go to a real slurmrestd and to the simulator as that release,
//! and status lines, headers, closing, shapes of bodies and words of errors are compared. What differs stands in a table.

mod exchange;
mod requests;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Auth, Config, Simulator};
use mock_slurmrestd::wire::{ApiVersion, Release};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::cluster::RealSlurm;
use exchange::{Answer, exchange};
use requests::{Request, Tokens, requests};
use shape::Shape;

/// Requests that the simulator is known to answer in another way: of which releases, and why.
const DIFFERENCES: &[(&[Release], &str, &str)] = &[
    (&ALL, "/openapi/v3", "the document has paths, parameters and shapes, and no descriptions"),
    (&ALL, "garbage token, /openapi/v3", "the same document: nobody is asked for it"),
    (&ALL, "POST without a length to submit", "the simulator takes orders on its control port only"),
];

/// Those that were recorded.
const ALL: [Release; 3] = [Release::S22_05, Release::S24_11, Release::S26_05];

/// At a time; each of them waits for silence most of the time.
const CLIENTS: usize = 16;

/// Panics with everything that differs and is not in the table, or is in the table and does not differ.
pub(super) fn agrees(slurm: &RealSlurm, port: u16, release: &str) {
    let release: Release = release.parse().expect("the simulator knows the release");
    let key = std::fs::read(slurm.dir().join("root/etc/slurm/jwt_hs256.key")).expect("it has a key");
    let tokens = Tokens::signed_with(&key);
    let (_runtime, simulator) = simulator(&key, release);
    let versions: Vec<_> = ApiVersion::ALL
        .into_iter()
        .filter(|api| release.versions().contains(api))
        .map(ApiVersion::name)
        .collect();
    let (newest, older) = versions.split_last().expect("it serves a version");
    let requests = requests(&tokens, newest, older);

    let (mut report, mut found, mut keys) = (String::new(), BTreeMap::new(), 0);
    for (name, comparison) in compare_all(&requests, &format!("127.0.0.1:{port}"), &simulator) {
        keys += comparison.keys;
        for (what, theirs, ours) in comparison.differences {
            let _ = writeln!(report, "{name}: {what}\n    real:      {theirs}\n    simulator: {ours}");
            found.insert(name, ());
        }
    }
    let listed = DIFFERENCES.iter().filter(|(releases, ..)| releases.contains(&release));
    let listed: BTreeMap<_, _> = listed.map(|(_, name, _)| (*name, ())).collect();
    let count = requests.len();
    println!("{release}: {count} requests and {keys} keys compared, {} requests differ", found.len());
    assert_eq!(found, listed, "{release}: found and listed differences:\n{report}");
    assert!(count > 90 && keys > 1_000, "only {count} requests with {keys} keys");
}

/// A simulated cluster of that release which takes the same tokens.
fn simulator(key: &[u8], release: Release) -> (Runtime, String) {
    let runtime = Runtime::new().expect("a runtime starts");
    // With jobs of all kinds, finished ones among them.
    let mut cluster = Cluster::new(&Size { finished_share: 0.2, ..Size::of(100, 400) }, 1);
    cluster.advance(Duration::from_secs(3_600));
    let config = Config { auth: Auth::key(key), ..Config::still(cluster).as_release(release) };
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    runtime.spawn(Simulator::new(config).serve(listener, std::future::pending()));
    (runtime, address)
}

/// Every request on a connection of its own; most of the time is waiting for silence.
fn compare_all<'a>(
    requests: &'a [Request],
    real: &str,
    simulator: &str,
) -> Vec<(&'a str, shape::Comparison)> {
    let compare = |request: &'a Request| {
        let (theirs, ours) = (exchange(real, &request.bytes), exchange(simulator, &request.bytes));
        (request.name.as_str(), compared(&theirs, &ours))
    };
    let compare = &compare;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    requests.iter().skip(client).step_by(CLIENTS).map(compare).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a comparison does not panic")).collect()
    })
}

fn compared(real: &[Answer], simulated: &[Answer]) -> shape::Comparison {
    let mut found = shape::Comparison::default();
    let mut compare = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            found.differences.push((what.to_owned(), theirs, ours));
        }
    };
    compare("answers", real.len().to_string(), simulated.len().to_string());
    for (theirs, ours) in real.iter().zip(simulated) {
        compare("status line", theirs.status_line.clone(), ours.status_line.clone());
        compare("headers", theirs.headers.join(", "), ours.headers.join(", "));
        compare("end", format!("{:?}", theirs.end), format!("{:?}", ours.end));
    }
    for (theirs, ours) in real.iter().zip(simulated) {
        let (Some(one), Some(other)) = (json(theirs), json(ours)) else {
            if theirs.body != ours.body {
                found.differences.push(("body".to_owned(), text(&theirs.body), text(&ours.body)));
            }
            continue;
        };
        let shapes = Shape::from(&one).compared(&Shape::from(&other));
        found.keys += shapes.keys;
        found.differences.extend(shapes.differences);
        for list in ["errors", "warnings"] {
            let (theirs, ours) = (words(&one[list]), words(&other[list]));
            if theirs != ours {
                found.differences.push((list.to_owned(), theirs, ours));
            }
        }
    }
    found
}

/// None when it is no JSON. The bare Infinity of 24.11 is a number here.
fn json(answer: &Answer) -> Option<Value> {
    let text = String::from_utf8_lossy(&answer.body).replace(": Infinity", ": 1e300");
    serde_json::from_str(&text).ok()
}

/// The different errors or warnings, but for addresses of the other's memory.
fn words(list: &Value) -> String {
    let different: BTreeSet<_> = list.as_array().into_iter().flatten().map(Value::to_string).collect();
    let text = different.into_iter().collect::<Vec<_>>().join(", ");
    let mut parts = text.split("0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "0x" + part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit())
    })
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}
