//! The program itself: its lines, its exit codes, its end.
//! Not here: answers, which are tested in process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_mock-slurmrestd");

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote to stdout");
    for word in words {
        assert!(stderr.contains(word), "{arguments:?}: no {word:?} in {stderr}");
    }
}

#[test]
fn mistakes_on_the_command_line_end_with_2_and_name_what_is_valid() {
    refused(&["--preset", "huge"], 2, &["'huge'", "--preset", "tiny, small, medium, large, enterprise, gpu"]);
    refused(&["--preset", "tiny"], 2, &["--jwt-key FILE", "--no-auth"]);
    refused(&["--no-auth", "--swf", "/nonexistent/trace"], 2, &["--swf", "/nonexistent/trace"]);
    refused(
        &["--no-auth", "--swf", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")],
        2,
        &["Cargo.toml:1", "expected 18"],
    );
    refused(&["--no-auth", "--jobz", "3"], 2, &["--jobz", "--jobs"]);
    refused(&["--no-auth", "--fault", "418"], 2, &["418", "latency, jitter, stall-head"]);
    refused(&["--no-auth", "--serve", "v0.0.39"], 2, &["v0.0.39", "v0.0.40 to v0.0.45"]);
    refused(&["--no-auth", "--release", "23.02"], 2, &["23.02", "22.05, 24.11, 25.05, 25.11, 26.05"]);
    refused(&["--no-auth", "--release", "24.11", "--serve", "v0.0.45"], 2, &["v0.0.40 to v0.0.42"]);
    refused(&["--no-auth", "--serve", "v0.0.45..v0.0.41"], 2, &["comes after"]);
    refused(&["--no-auth", "--control", "0.0.0.0:0"], 2, &["--control", "loopback"]);
    refused(&["--no-auth", "--latency", "slow"], 2, &["none, real or a factor"]);
    refused(&["--no-auth", "--clock", "stopped"], 2, &["auto or explicit"]);
    refused(&["--no-auth", "--speed", "0"], 2, &["--speed"]);
    refused(&["--no-auth", "--workers", "0"], 2, &["--workers", "1..=1000000"]);
    refused(&["--no-auth", "--max-connections", "0"], 2, &["--max-connections", "1..=1000000"]);
    refused(&["token", "--jwt-key", "/dev/null", "--lifespan", "0"], 2, &["--lifespan", "1.."]);
    refused(&["--no-auth", "--replay", "/nonexistent"], 2, &["/nonexistent: is no folder"]);
    refused(&["--no-auth", "--replay", ".", "--nodes", "3"], 2, &["--replay", "--nodes"]);
    refused(&["--no-auth", "--fault-schedule", "/nonexistent"], 2, &["/nonexistent: "]);
    refused(&["--jwt-key", "/nonexistent/key"], 2, &["/nonexistent/key"]);
}

#[test]
fn a_port_in_use_ends_with_4_and_names_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&["--no-auth", "--listen", &address], 4, &["cannot listen on", &address]);
    let one_line = run(&["--no-auth", "--listen", &address]).stderr;
    assert_eq!(one_line.iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn mistakes_in_a_schedule_are_told_with_their_lines() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "- {kind: reset, at: soon}\n- {kind: reset, probability: 2}\n").unwrap();
    let path = file.path().to_str().unwrap();
    let (first, second) =
        (format!("{path}:1: at: \"soon\": expected a duration"), format!("{path}:2: probability=2"));
    refused(&["--no-auth", "--fault-schedule", path], 2, &[&first, &second]);
}

#[test]
fn faults_are_listed_with_their_keys() {
    let output = run(&["faults"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for kind in mock_slurmrestd::http::FaultKind::ALL {
        assert!(text.contains(&format!("  {}", kind.word())), "{text}");
    }
    assert!(text.contains("drip bytes=1 every_ms=50\n      the answer comes in drops"), "{text}");
}

#[test]
fn help_explains_presets_and_shows_an_example() {
    let output = run(&["--help"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for word in ["tiny", "large", "Example", "--no-auth", "token", "--release"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

struct Running {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(arguments: &[&str]) -> Running {
    let mut child = Command::new(BINARY)
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Running { child, lines }
}

impl Running {
    fn address(&mut self, prefix: &str) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().strip_prefix(prefix).unwrap_or_else(|| panic!("{line:?}")).to_owned()
    }
}

#[test]
fn two_processes_with_one_seed_send_the_same_bytes() {
    let bodies = |seed: &str| {
        let arguments = ["--no-auth", "--preset", "small", "--clock", "explicit", "--seed", seed];
        let mut running = start(&arguments);
        let address = running.address("listening on http://");
        ["jobs", "nodes", "partitions"].map(|endpoint| get_path(&address, "", endpoint))
    };
    let first = bodies("7");
    assert!(first[0].len() > 1_000_000);
    assert!(first == bodies("7"), "the same seed");
    assert!(first != bodies("8"), "another seed");
}

fn get(address: &str, token: &str) -> String {
    get_path(address, token, "ping")
}

fn get_path(address: &str, token: &str, endpoint: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /slurm/v0.0.42/{endpoint} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    write!(stream, "{request}X-SLURM-USER-TOKEN: {token}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn it_says_where_it_listens_takes_its_own_tokens_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("jwt_hs256.key");
    std::fs::write(&key, b"a key of some bytes").unwrap();
    let key = key.to_str().unwrap();
    let mut running = start(&["--jwt-key", key, "--control", "127.0.0.1:0"]);
    let address = running.address("listening on http://");
    running.address("control on http://");
    let token = run(&["token", "--jwt-key", key, "--user", "slurm"]);
    let token = String::from_utf8(token.stdout).unwrap();
    assert!(get(&address, token.trim()).contains("\"responding\": true"));
    let other_key = folder.path().join("other.key");
    std::fs::write(&other_key, b"another key").unwrap();
    let foreign = run(&["token", "--jwt-key", other_key.to_str().unwrap()]);
    let foreign = String::from_utf8(foreign.stdout).unwrap();
    assert!(get(&address, foreign.trim()).contains("\"responding\": false"));
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = running.child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "still running after SIGTERM");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(0));
    let mut rest = String::new();
    running.lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "stdout has only its two lines");
}
