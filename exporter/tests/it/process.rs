//! The shipped binary as a child process, and what a test does when the machine lacks a program.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::page::Samples;

/// Tells on one line what is missing; fails instead where nothing may be missing.
pub(crate) fn missing(what: &str, found: bool, remedy: &str) -> bool {
    if !found {
        assert!(
            std::env::var_os("REQUIRE_REAL_PROGRAMS").is_none_or(|value| value != "1"),
            "{what} is missing: {remedy}"
        );
        println!("skipped, {what} is missing: {remedy}");
    }
    !found
}

/// What a process writes to stderr, read as it comes so that logging never blocks or fails.
#[derive(Default)]
struct Log {
    text: Arc<Mutex<String>>,
    reading: Option<std::thread::JoinHandle<()>>,
}

/// A running `slurm-exporter`; dropping it kills it.
pub(crate) struct Exporter {
    child: Child,
    pub(crate) address: String,
    /// Of the admin listener.
    admin: Option<String>,
    log: Log,
}

impl Exporter {
    /// Starts it on a free port of loopback and waits for its line on stdout.
    pub(crate) fn start(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        Self::start_with(&[], arguments)
    }

    /// The same with more variables.
    pub(crate) fn start_with(
        environment: &[(&str, String)],
        arguments: &[impl AsRef<std::ffi::OsStr>],
    ) -> Self {
        let mut child = spawn(environment, arguments);
        let log = Log::collect(child.stderr.take().expect("stderr is piped"));
        Self::listening(child, log)
    }

    /// The same with a log that nobody reads: the other end of its pipe is closed.
    pub(crate) fn start_unheard(arguments: &[impl AsRef<std::ffi::OsStr>]) -> Self {
        let mut child = spawn(&[], arguments);
        drop(child.stderr.take());
        Self::listening(child, Log::default())
    }

    fn listening(mut child: Child, mut log: Log) -> Self {
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout is text");
        let Some(address) = line.trim().strip_prefix("listening on ").and_then(|url| url.split("://").nth(1))
        else {
            panic!("it said {line:?} and ended with {:?}: {}", child.wait(), log.end());
        };
        // Written with the first line; nothing more comes until the end when it is off.
        let mut second = String::new();
        if !stdout.buffer().is_empty() {
            stdout.read_line(&mut second).expect("stdout is text");
        }
        let admin = second.trim().strip_prefix("admin on http://").map(str::to_owned);
        Self { child, address: address.to_owned(), admin, log }
    }

    /// The address of the admin listener.
    pub(crate) fn admin(&self) -> &str {
        self.admin.as_deref().expect("it has an admin listener")
    }

    /// Status and body of a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        http_get(&self.address, path)
    }

    pub(crate) fn scrape(&self) -> Samples {
        let (status, body) = self.get("/metrics");
        assert_eq!(status, 200);
        Samples::parse(&body)
    }

    /// What one collector has on the page.
    pub(crate) fn scrape_collector(&self, name: &str) -> Samples {
        let (status, body) = self.get(&format!("/metrics?collect[]={name}"));
        assert_eq!(status, 200);
        Samples::parse(&body)
    }

    /// Scrapes until the page is as wanted, and gives that page; fails when it takes unreasonably long.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Samples) -> bool) -> Samples {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let page = self.scrape();
            if wanted(&page) {
                return page;
            }
            assert!(Instant::now() < deadline, "{what} did not come: {}", self.get("/metrics").1);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for `/ready`, and for a good poll of every endpoint that is served.
    pub(crate) fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (status, body) = self.get("/ready");
            let is_settled = |line: &str| line.contains(": ok") || line.contains(": not served");
            if status == 200 && body.lines().skip(1).all(is_settled) {
                return;
            }
            assert!(Instant::now() < deadline, "not ready: {status} {body}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for a line of the log that holds this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.log.text().contains(text) {
            assert!(Instant::now() < deadline, "\"{text}\" is not in the log: {}", self.log.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM by way of `kill`, waits for the end and gives exit code and log.
    pub(crate) fn terminate(mut self) -> (Option<i32>, String) {
        let sent = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let status = self.child.wait().expect("it is our child");
        (status.code(), self.log.end())
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Gone already when it was terminated.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(environment: &[(&str, String)], arguments: &[impl AsRef<std::ffi::OsStr>]) -> Child {
    command()
        .args(["--server.listen", "127.0.0.1:0"])
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the exporter starts")
}

/// Status and body of one GET, on a connection of its own.
pub(crate) fn http_get(address: &str, path: &str) -> (u16, String) {
    http_request(address, "GET", path, "")
}

/// The same with further header lines, each with its end.
pub(crate) fn http_get_with(address: &str, path: &str, headers: &str) -> (u16, String) {
    http_request(address, "GET", path, headers)
}

/// Status and body of one request without a body, on a connection of its own.
pub(crate) fn http_request(address: &str, method: &str, path: &str, headers: &str) -> (u16, String) {
    let (status, body) = http_bytes(address, method, path, headers);
    (status, String::from_utf8(body).expect("the answer is text"))
}

/// The same where the body need not be text.
pub(crate) fn http_bytes(address: &str, method: &str, path: &str, headers: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout above zero");
    // HTTP/1.0, so that the body is not chunked. In one piece: slurmctld tells HTTP from its own protocol by the first.
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer ends");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer[end + 4..].to_vec())
}

/// Whether a program is on PATH.
pub(crate) fn has_program(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// What `promtool check metrics` says of a page, a line each; none where promtool is missing (and may be).
pub(crate) fn lint(page: &[u8]) -> Option<Vec<String>> {
    if missing("promtool", has_program("promtool"), "apt-get install prometheus") {
        return None;
    }
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("stdin is piped").write_all(page).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Some(said.lines().map(str::to_owned).collect())
}

/// What the strict OpenMetrics parser of Prometheus' Python client reads: the samples of each family, by name and
/// type as `# TYPE` gives them; none where the package is missing (and may be). Panics when it refuses the page.
pub(crate) fn read_by_python(page: &[u8]) -> Option<BTreeMap<(String, String), u64>> {
    const PARSE: &str = "import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    print(family.name, family.type, len(family.samples))";
    // Debian's package is for Debian's Python, which may not be the first on PATH.
    let python = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let import = Command::new(python).args(["-c", "import prometheus_client"]).output();
        import.is_ok_and(|output| output.status.success())
    });
    let remedy = "apt-get install python3-prometheus-client, or pip install prometheus_client";
    if missing("Python's prometheus_client", python.is_some(), remedy) {
        return None;
    }
    let mut parser = Command::new(python?)
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    parser.stdin.take().expect("stdin is piped").write_all(page).expect("Python reads");
    let output = parser.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).expect("names are text");
    let family = |line: &str| {
        let [name, kind, samples] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        ((name.to_owned(), kind.to_owned()), samples.parse().expect("a number"))
    };
    Some(said.lines().map(family).collect())
}

/// The exporter without arguments and without what the machine's environment might say to it.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slurm-exporter"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SLURM") {
            command.env_remove(name);
        }
    }
    // The default port is for one exporter of a host.
    command.env("SLURM_EXPORTER_SERVER_ADMIN_LISTEN", "127.0.0.1:0");
    command
}

impl Log {
    fn collect(stderr: ChildStderr) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&text);
        let reading = std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                written.lock().expect("nobody panics").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { text, reading: Some(reading) }
    }

    fn text(&self) -> String {
        self.text.lock().expect("nobody panics").clone()
    }

    /// The whole of it; the process has ended.
    fn end(&mut self) -> String {
        if let Some(reading) = self.reading.take() {
            reading.join().expect("the reader does not panic");
        }
        self.text()
    }
}
