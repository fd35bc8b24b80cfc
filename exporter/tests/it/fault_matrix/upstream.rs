//! The simulator behind the exporter: told over its control port, so that it may run anywhere.
//! With `MOCK_SLURMRESTD` set it is that program as a process; otherwise it serves from this one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use mock_slurmrestd::cluster::Cluster;
use mock_slurmrestd::http::{Config, Simulator};
use mock_slurmrestd::presets;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const SEED: u64 = 7;

/// A running simulator; dropping it ends it.
pub(super) struct Upstream {
    address: String,
    control: String,
    /// Serves from this process.
    _here: Option<Runtime>,
    _apart: Option<Apart>,
}

/// The program, ended with its handle.
struct Apart(Child);

impl Drop for Apart {
    fn drop(&mut self) {
        // Gone already when it crashed, of which the exporter has told.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Upstream {
    /// A cluster of this size; time stands still.
    pub(super) fn start(nodes: u32, jobs: u32) -> Self {
        match std::env::var_os("MOCK_SLURMRESTD") {
            Some(program) => Self::apart(Command::new(program), nodes, jobs),
            None => Self::here(nodes, jobs),
        }
    }

    fn here(nodes: u32, jobs: u32) -> Self {
        let runtime = Runtime::new().expect("a runtime starts");
        let size = presets::by_name("tiny").expect("it is there").size.with_nodes(nodes).with_jobs(jobs);
        let simulator = Simulator::new(Config::still(Cluster::new(&size, SEED)));
        let bind = || {
            let listener =
                runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
            let address = listener.local_addr().expect("it is bound").to_string();
            (listener, address)
        };
        let ((listener, address), (control_listener, control)) = (bind(), bind());
        runtime.spawn(simulator.clone().serve_control(control_listener, std::future::pending()));
        runtime.spawn(simulator.serve(listener, std::future::pending()));
        Self { address, control, _here: Some(runtime), _apart: None }
    }

    fn apart(mut program: Command, nodes: u32, jobs: u32) -> Self {
        program.args(["--preset", "tiny", "--no-auth", "--clock", "explicit"]);
        program.args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"]);
        for (flag, value) in [("--nodes", nodes.into()), ("--jobs", jobs.into()), ("--seed", SEED)] {
            program.args([flag, &value.to_string()]);
        }
        let mut child = program.stdout(Stdio::piped()).spawn().expect("MOCK_SLURMRESTD is a program");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let apart = Some(Apart(child));
        let mut said = |what: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("stdout is text");
            let address = line.trim().strip_prefix(what).unwrap_or_else(|| panic!("it said {line:?}"));
            address.to_owned()
        };
        let address = said("listening on http://");
        Self { address, control: said("control on http://"), _here: None, _apart: apart }
    }

    /// These strike from now on, and no others.
    pub(super) fn set_faults(&self, faults: &[String]) {
        self.tell("POST", "/sim/fault", &json!(faults).to_string());
    }

    /// How many requests a kind of fault struck so far.
    pub(super) fn struck(&self, kind: &str) -> u64 {
        let all = self.tell("GET", "/sim/requests", "");
        all["struck"][kind].as_u64().unwrap_or_else(|| panic!("no {kind} in {all}"))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far and the most at a time, of one endpoint.
    pub(super) fn requests(&self, endpoint: &str) -> (u64, u64) {
        let all = self.tell("GET", "/sim/requests", "");
        let of = &all["endpoints"][endpoint];
        let count =
            |name: &str| of[name].as_u64().unwrap_or_else(|| panic!("{endpoint}: no {name} in {all}"));
        (count("requests"), count("max_in_flight"))
    }

    fn tell(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(&self.control).expect("the control port accepts");
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
            .expect("the request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        assert!(head.split(' ').nth(1) == Some("200"), "{answer}");
        serde_json::from_str(body).expect("it answers in JSON")
    }
}
