//! `--latency real` over sockets: the p50 of a closed loop beside what a real Slurm 26.05 was measured to take.
//! Not a test: a busy machine answers late. `cargo run --release -p mock-slurmrestd --example latency`

use mock_slurmrestd::cluster::{Cluster, Size};
use mock_slurmrestd::http::{Config, Latency, Simulator};
use mock_slurmrestd::wire::Release;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const CLIENTS: [usize; 4] = [1, 2, 4, 16];
/// A deviation that is too large.
const MOST: f64 = 0.15;

/// What is asked of which cluster, the milliseconds measured with 1, 2, 4 and 16 clients, and for how long.
struct Row {
    name: &'static str,
    path: &'static str,
    nodes: u32,
    jobs: u32,
    /// The middle where a range was measured; nothing where nothing was.
    measured: [Option<f64>; 4],
    seconds: u64,
}

/// Slurm 26.05.5 on two cores, v0.0.45.
const ROWS: [Row; 5] = [
    Row {
        name: "ping",
        path: "ping",
        nodes: 1_000,
        jobs: 10,
        measured: [Some(0.8), Some(1.0), Some(1.5), Some(4.0)],
        seconds: 2,
    },
    Row {
        name: "diag",
        path: "diag",
        nodes: 1_000,
        jobs: 10,
        measured: [Some(1.0), Some(1.5), Some(2.0), Some(6.0)],
        seconds: 2,
    },
    Row {
        name: "nodes (1,000)",
        path: "nodes",
        nodes: 1_000,
        jobs: 10,
        measured: [Some(84.0), Some(96.0), Some(177.0), Some(611.0)],
        seconds: 5,
    },
    Row {
        name: "jobs (1,017)",
        path: "jobs",
        nodes: 10,
        jobs: 1_017,
        measured: [Some(293.0), Some(305.0), Some(574.0), Some(2_295.0)],
        seconds: 10,
    },
    Row {
        name: "jobs (5,021)",
        path: "jobs",
        nodes: 10,
        jobs: 5_021,
        measured: [Some(1_750.0), Some(1_700.0), Some(3_600.0), None],
        seconds: 20,
    },
];

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "| answer | clients | measured p50, ms | simulated p50, ms | deviation | answers |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut off = 0;
    for row in &ROWS {
        let cluster = Cluster::new(&Size::of(row.nodes, row.jobs), 1);
        let config =
            Config { latency: Latency::Scaled(1.0), ..Config::still(cluster).as_release(Release::S26_05) };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let serving = runtime.spawn(Simulator::new(config).serve(listener, std::future::pending()));
        for (clients, measured) in CLIENTS.into_iter().zip(row.measured) {
            let mut times = closed_loop(address, row.path, clients, Duration::from_secs(row.seconds))?;
            times.sort_unstable();
            let count = times.len();
            let median = times[count / 2].as_secs_f64() * 1_000.0;
            let (theirs, deviation) = match measured {
                Some(measured) => {
                    let deviation = median / measured - 1.0;
                    off += u32::from(deviation.abs() > MOST);
                    (measured.to_string(), format!("{:+.1} %", deviation * 100.0))
                }
                None => ("-".to_owned(), "-".to_owned()),
            };
            writeln!(out, "| {} | {clients} | {theirs} | {median:.2} | {deviation} | {count} |", row.name)?;
        }
        serving.abort();
    }
    writeln!(out, "\n{off} of the p50 are off by more than {:.0} %", MOST * 100.0)
}

/// Clients that ask again as soon as they have their answer; the time of every answer that began in the given time.
fn closed_loop(
    address: SocketAddr,
    path: &str,
    clients: usize,
    how_long: Duration,
) -> io::Result<Vec<Duration>> {
    let begin = Instant::now();
    let ask = || {
        let mut client = TcpStream::connect(address)?;
        client.set_nodelay(true)?;
        let mut times = Vec::new();
        // The first answer finds another load than the rest.
        answer(&mut client, path)?;
        while times.is_empty() || begin.elapsed() < how_long {
            times.push(answer(&mut client, path)?);
        }
        Ok(times)
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        let mut times = Vec::new();
        for client in clients {
            let asked: io::Result<Vec<Duration>> =
                client.join().map_err(|_| io::Error::other("a client panicked"))?;
            times.extend(asked?);
        }
        Ok(times)
    })
}

/// The time from the request to the last byte of its answer.
fn answer(client: &mut TcpStream, path: &str) -> io::Result<Duration> {
    let begin = Instant::now();
    client.write_all(format!("GET /slurm/v0.0.45/{path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())?;
    let mut bytes = vec![0; 256 << 10];
    let (mut head, mut left) = (Vec::new(), None);
    while left != Some(0) {
        let count = client.read(&mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left = match left {
            Some(left) => Some(left - count),
            None => {
                head.extend_from_slice(&bytes[..count]);
                rest_of(&head)
            }
        };
    }
    Ok(begin.elapsed())
}

/// How many bytes are still to come, once the head is there.
fn rest_of(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok())?;
    Some(length.saturating_sub(bytes.len() - end))
}
