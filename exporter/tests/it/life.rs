//! From the command line to the end of the process: bad input, logs, signals.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::{fs, str};

use crate::process::{Exporter, command};
use crate::simulator::Simulator;

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("the exporter starts")
}

/// Asserts exit code and the one line of stderr.
fn refuses(arguments: &[&str], code: i32, line: &str) {
    let output = run(arguments);
    let said = str::from_utf8(&output.stderr).expect("errors are text");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(line), "{arguments:?}: expected \"{line}\" in: {said}");
    assert_eq!(said.trim().lines().count(), 1, "one clear line: {said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn bad_input_is_one_clear_line_and_the_right_exit_code() {
    refuses(&[], 2, "slurm.url");
    refuses(&["--slurm.url=ftp://slurm:6820"], 2, "slurm.url");
    refuses(
        &["--slurm.url=http://127.0.0.1:1", "--slurm.token-file=/nonexistent/token"],
        2,
        "/nonexistent/token",
    );
    refuses(&["--slurm.url=http://127.0.0.1:1", "--slurm.api-version=v0.0.36"], 2, "v0.0.36");
    refuses(&["check-config", "/nonexistent.yaml"], 2, "/nonexistent.yaml");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.yaml");
    fs::write(&file, "slurm:\n  url: http://127.0.0.1:6820\n  tokn_file: x\n").unwrap();
    let file = file.to_str().unwrap();
    refuses(&["check-config", file], 2, &format!("{file}:3"));
    refuses(&["--config", file], 2, "tokn_file");
}

#[test]
fn a_port_in_use_is_one_clear_line_and_exit_code_4() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refuses(
        &["--slurm.url=http://127.0.0.1:1", "--log.level=error", "--server.listen", &address],
        4,
        &format!("failed to listen on {address}: "),
    );
}

#[test]
fn a_slurm_that_is_not_there_is_told_and_waited_for() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let exporter = Exporter::start(&[format!("--slurm.url=http://{nobody}")]);
    loop {
        let (status, body) = exporter.get("/ready");
        assert_eq!(status, 503);
        if body.contains("nodes: failed, no data: failed to poll nodes") {
            break;
        }
    }
    loop {
        let page = exporter.scrape();
        if page.get("slurm_exporter_endpoint_up", &[("endpoint", "nodes")]) == Some(0.0) {
            assert_eq!(page.all("slurm_cluster_nodes_total").count(), 0);
            break;
        }
    }
    let (code, log) = exporter.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("class=\"connect\""), "{log}");
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let simulator = Simulator::start();
    let mut arguments = simulator.exporter_arguments();
    arguments.push("--log.level=trace".into());
    let exporter = Exporter::start_unheard(&arguments);
    exporter.wait_until_ready();
    assert_eq!(exporter.terminate().0, Some(0));
}

#[test]
fn sigterm_answers_what_is_in_flight_and_ends_with_0() {
    let simulator = Simulator::start();
    let exporter = Exporter::start(&simulator.exporter_arguments());
    exporter.wait_until_ready();
    // Half a request before the signal, the other half after it.
    let mut scrape = TcpStream::connect(&exporter.address).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n").unwrap();
    let ending = std::thread::spawn(move || exporter.terminate());
    scrape.write_all(b"Connection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // The signal may win: then the connection is closed unanswered, which is a clean end as well.
    let _ = scrape.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 200"));
    let (code, log) = ending.join().unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("SIGTERM"), "{log}");
}

#[test]
fn the_token_is_in_no_log_page_or_command_line() {
    // Not a real token; the simulator here asks for none.
    const CANARY: &str = "canary-6b1f0c9d7e";
    let simulator = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, CANARY).unwrap();
    let mut arguments = simulator.exporter_arguments();
    arguments.extend([
        format!("--slurm.token-file={}", token.display()),
        "--slurm.user=root".into(),
        "--log.level=trace".into(),
    ]);
    let exporter = Exporter::start(&arguments);
    exporter.wait_until_ready();
    let command_line = fs::read(format!("/proc/{}/cmdline", exporter.id())).unwrap();
    let mut texts = vec![String::from_utf8_lossy(&command_line).into_owned()];
    texts.extend(["/metrics", "/ready", "/", "/health"].map(|path| exporter.get(path).1));
    let (code, log) = exporter.terminate();
    assert_eq!(code, Some(0));
    assert!(log.lines().count() > 20, "trace logs a lot: {log}");
    texts.push(log);
    for text in texts {
        assert!(!text.contains(CANARY), "{text}");
    }
}
