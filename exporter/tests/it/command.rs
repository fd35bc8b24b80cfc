//! The source `command` with programs that print what the real ones printed: 24.11, 22.05, and ones that fail.
//! With a real Slurm it is compared in `real_slurm`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use exporter::config::{Kind, Slurm};
use exporter::model::{Endpoint, Reading, Timestamp};
use exporter::source::{Command, ErrorClass, Poll, Source};

/// A program that stands in front of every command and answers in its place.
struct Prefix {
    folder: tempfile::TempDir,
}

impl Prefix {
    /// The script may look at `$*`, the whole command, and finds the recordings in `$fixtures`.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/slurmrestd");
        let path = folder.path().join("run");
        let text = format!("#!/bin/sh\nfixtures={fixtures}\necho \"$*\" >>$0.log\n{script}\n");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The commands that were run.
    fn asked(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("run.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn section(&self) -> Slurm {
        let command_prefix = vec![self.path().to_str().unwrap().to_owned()];
        Slurm { source: Kind::Command, command_prefix, ..Slurm::default() }
    }
}

async fn poll(source: &Command, endpoint: Endpoint) -> Poll {
    let since = match endpoint {
        Endpoint::Accounting => Timestamp::from_unix(Some(1_795_200_000)),
        _ => Timestamp::NONE,
    };
    source.poll(endpoint, since).await
}

const SLURM_24_11: &str = r#"
case "$*" in
"scontrol ping --json") cat $fixtures/24.11.5/v0.0.42/ping.json;;
"sdiag --json") cat $fixtures/24.11.5/v0.0.42/diag.json;;
"scontrol show nodes --json") cat $fixtures/24.11.5/v0.0.42/nodes.json;;
"scontrol --all show partitions --json") cat $fixtures/24.11.5/v0.0.42/partitions.json;;
"squeue --all --states=all --json") cat $fixtures/24.11.5/v0.0.42/jobs.json;;
"squeue --only-job-state --json") cat $fixtures/24.11.5/v0.0.42/job_states.json;;
"sacctmgr ping --json") cat $fixtures/24.11.5/v0.0.42/database_ping.json;;
"scontrol show reservations --json") cat $fixtures/24.11.5/v0.0.42/reservations.json;;
"scontrol show licenses --json") cat $fixtures/24.11.5/v0.0.42/licenses.json;;
"sshare --all --json") cat $fixtures/24.11.5/v0.0.42/shares.json;;
"sacctmgr show qos --json") cat $fixtures/24.11.5/v0.0.42/qos.json;;
"sacctmgr show associations --json") cat $fixtures/24.11.5/v0.0.42/associations.json;;
"sacct --allusers --duplicates --starttime=uts1795200000 --endtime=uts1795203600 --state="*" --json")
    cat $fixtures/24.11.5/v0.0.42/accounting.json;;
"sacct --allusers --state=RUNNING --json") cat $fixtures/24.11.5/v0.0.42/steps.json;;
*--json=v0.0.40) cat $fixtures/24.11.5/v0.0.40/ping.json;;
*) echo "what? $*" >&2; exit 9;;
esac"#;

const SLURM_22_05: &str = r#"
case "$*" in
"squeue --json") cat $fixtures/22.05.8/v0.0.38/jobs.json;;
"sinfo --all --json") cat $fixtures/22.05.8/v0.0.38/nodes.json;;
"sacct --allusers --state=RUNNING --json") cat $fixtures/22.05.8/v0.0.38/steps.json;;
"sacct --allusers --duplicates --starttime="*" --json") cat $fixtures/22.05.8/v0.0.38/accounting.json;;
"scontrol --version") echo "slurm-wlm 22.05.8";;
"scontrol ping") echo "Slurmctld(primary) at head1 is DOWN"; echo "Slurmctld(backup) at head2 is UP"; exit 1;;
*) echo "$1: unrecognized option '--json'" >&2; echo "Try \"$1 --help\" for more information" >&2; exit 1;;
esac"#;

#[tokio::test]
async fn the_commands_of_24_11_are_read_in_their_own_version() {
    let prefix = Prefix::new(SLURM_24_11);
    let source = Command::new(&prefix.section());
    for endpoint in Endpoint::ALL {
        let poll = poll(&source, endpoint).await;
        let answer = poll.outcome.unwrap();
        assert_eq!(
            (answer.release.api_version, answer.release.slurm_version.as_str()),
            ("v0.0.42", "24.11.5")
        );
        let [request] = &poll.requests[..] else { panic!("more than one command: {:?}", poll.requests) };
        assert_eq!((request.endpoint, request.code), (endpoint, Some(0)));
        assert!(request.bytes > 0);
    }
    assert_eq!(prefix.asked().len(), Endpoint::ALL.len());
}

#[tokio::test]
async fn the_version_is_found_out_before_anything_else_is_asked() {
    let prefix = Prefix::new(SLURM_24_11);
    let source = Command::new(&prefix.section());
    assert!(poll(&source, Endpoint::Nodes).await.outcome.is_ok());
    assert!(poll(&source, Endpoint::Nodes).await.outcome.is_ok());
    let nodes = "scontrol show nodes --json";
    assert_eq!(prefix.asked(), ["scontrol ping --json", nodes, nodes]);
}

#[tokio::test]
async fn a_pinned_version_is_asked_for() {
    let prefix = Prefix::new(SLURM_24_11);
    let source = Command::new(&Slurm { api_version: Some("v0.0.40"), ..prefix.section() });
    assert_eq!(poll(&source, Endpoint::Ping).await.outcome.unwrap().release.api_version, "v0.0.40");
}

#[tokio::test]
async fn a_slurm_that_is_newer_than_we_are_is_asked_for_what_we_know() {
    let prefix = Prefix::new(
        r#"case "$*" in
        *--json=v0.0.45) cat $fixtures/26.05.5/v0.0.45/ping.json;;
        *) sed 's/v0.0.45/v0.0.99/' $fixtures/26.05.5/v0.0.45/ping.json;;
        esac"#,
    );
    let source = Command::new(&prefix.section());
    assert_eq!(poll(&source, Endpoint::Ping).await.outcome.unwrap().release.api_version, "v0.0.45");
    let prefix = Prefix::new("sed 's/v0.0.45/v0.0.99/' $fixtures/26.05.5/v0.0.45/ping.json");
    let error = poll(&Command::new(&prefix.section()), Endpoint::Ping).await.outcome.unwrap_err();
    assert!(error.message.ends_with("it writes v0.0.99, and not v0.0.45"), "{error}");
}

#[tokio::test]
async fn the_commands_of_22_05_give_what_they_have() {
    let prefix = Prefix::new(SLURM_22_05);
    let source = Command::new(&prefix.section());
    for endpoint in [Endpoint::Nodes, Endpoint::Jobs, Endpoint::Accounting] {
        let answer = poll(&source, endpoint).await.outcome.unwrap();
        assert_eq!(
            (answer.release.api_version, answer.release.slurm_version.as_str()),
            ("v0.0.38", "22.05.8")
        );
    }
    for endpoint in [Endpoint::Diag, Endpoint::Partitions, Endpoint::Qos, Endpoint::Associations] {
        assert!(poll(&source, endpoint).await.outcome.unwrap_err().not_served, "{endpoint}");
    }
    let answer = poll(&source, Endpoint::Ping).await.outcome.unwrap();
    assert_eq!(answer.release.slurm_version, "22.05.8");
    let Reading::Ping(controllers) = answer.reading else { panic!("no ping") };
    let rows: Vec<_> =
        controllers.rows.iter().map(|row| (row.hostname.as_str(), row.role.as_str(), row.up)).collect();
    assert_eq!(rows, [("head1", "primary", false), ("head2", "backup", true)]);
}

#[tokio::test]
async fn a_command_that_fails_is_classed_by_its_words() {
    for (script, class, words) in [
        (
            "echo 'slurm_load_node error: Unable to contact slurm controller (connect failure)' >&2; exit 1",
            ErrorClass::Connect,
            "scontrol show nodes --json: exit status 1: slurm_load_node error: Unable to contact slurm controller",
        ),
        (
            "echo 'slurm_load_node error: Protocol authentication error' >&2; exit 1",
            ErrorClass::Auth,
            "authentication error",
        ),
        ("exit 3", ErrorClass::HttpStatus, "exit status 3"),
        ("kill -9 $$", ErrorClass::HttpStatus, "ended by a signal"),
        ("head -c 5000 $fixtures/24.11.5/v0.0.42/nodes.json", ErrorClass::Decode, "ends in the middle"),
        (
            "head -c 5000 $fixtures/24.11.5/v0.0.42/nodes.json; exit 1",
            ErrorClass::HttpStatus,
            "exit status 1",
        ),
        ("echo sorry", ErrorClass::Decode, "not a JSON object"),
        ("sleep 1000", ErrorClass::Timeout, "no complete answer in time"),
    ] {
        let whole =
            format!("case \"$*\" in *ping*) cat $fixtures/24.11.5/v0.0.42/ping.json;; *) {script};; esac");
        let prefix = Prefix::new(&whole);
        let timeout = (class == ErrorClass::Timeout).then_some(Duration::from_secs(2));
        let source = Command::new(&Slurm { request_timeout: timeout, ..prefix.section() });
        let error = poll(&source, Endpoint::Nodes).await.outcome.unwrap_err();
        assert_eq!(error.class, class, "{script}: {error}");
        assert!(error.message.contains(words) && !error.not_served, "{script}: {error}");
    }
    let nowhere = Slurm { command_prefix: vec!["/nonexistent/ssh".to_owned()], ..Slurm::default() };
    let error = poll(&Command::new(&nowhere), Endpoint::Nodes).await.outcome.unwrap_err();
    assert_eq!(error.class, ErrorClass::Connect, "{error}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_ends_its_command() {
    let prefix = Prefix::new(
        r#"case "$*" in *ping*) cat $fixtures/24.11.5/v0.0.42/ping.json;; *) echo '{"nodes":['; yes ' ';; esac"#,
    );
    let source = Command::new(&Slurm { max_body_bytes: 64 << 10, ..prefix.section() });
    let error = poll(&source, Endpoint::Nodes).await.outcome.unwrap_err();
    assert_eq!(error.class, ErrorClass::TooLarge, "{error}");
}

#[tokio::test]
async fn one_command_runs_at_a_time() {
    // mkdir fails while another one is inside.
    let body = SLURM_24_11.replace("case", "mkdir $0.inside || exit 8\ncase") + "\nrmdir $0.inside";
    let prefix = Prefix::new(&body);
    let source = Command::new(&prefix.section());
    let (one, two, three) = tokio::join!(
        poll(&source, Endpoint::Nodes),
        poll(&source, Endpoint::Jobs),
        poll(&source, Endpoint::Ping)
    );
    for poll in [one, two, three] {
        poll.outcome.unwrap();
    }
}
