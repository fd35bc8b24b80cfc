//! The token never leaks: not into logs at any level, metrics, pages, errors, recordings or the command line, and not
//! to another host. And it can be replaced while the exporter runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::process::{Exporter, command};
use crate::source::slurmrestd::{Answer, Slurmrestd, body, http, ok, recorded};

/// A JWT with a signature of signs that a URL would escape.
const CANARY: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdW4iOiJzbHVybXJlc3QifQ.canary+token/in=a~mine";

/// The token in every shape in which it might slip out.
fn shapes() -> Vec<String> {
    let escaped: String = form_urlencoded::byte_serialize(CANARY.as_bytes()).collect();
    let signature = CANARY.rsplit('.').next().unwrap();
    vec![
        CANARY.to_owned(),
        signature.to_owned(),
        STANDARD.encode(CANARY),
        URL_SAFE_NO_PAD.encode(CANARY),
        escaped,
    ]
}

fn check(what: &str, text: &str) {
    for shape in shapes() {
        assert!(!text.contains(&shape), "{what} holds {shape}: {text}");
    }
}

/// What a server may do to have a token repeated: quote it, redirect, refuse, answer.
fn provoke(elsewhere: &str) -> impl Fn(&crate::source::slurmrestd::Asked) -> Answer + use<> {
    let away = format!("HTTP/1.1 307 Elsewhere\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n");
    move |asked| {
        let token = asked.header("x-slurm-user-token").or(asked.header("authorization")).unwrap_or_default();
        match asked.path() {
            "/slurm/v0.0.42/ping" => Answer::Close(ok(body("24.11.5", "v0.0.42/ping.json"))),
            "/slurm/v0.0.42/diag" => {
                Answer::Close(http("400 X", "text/plain", format!("bad header {token}")))
            }
            "/slurm/v0.0.42/nodes" => Answer::Close(away.clone().into_bytes()),
            "/slurm/v0.0.42/partitions" => Answer::Close(http(
                "500 X",
                "application/json",
                format!("{{\"errors\":[{{\"error\":\"no {token}\",\"error_number\":1}}]}}"),
            )),
            "/slurm/v0.0.42/jobs" => Answer::Close(recorded("24.11.5", "bad-token-jobs")),
            _ => Answer::Close(http("404 X", "text/plain", format!("{token}?"))),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_seen_nowhere_but_in_requests_to_slurmrestd() {
    let elsewhere = Slurmrestd::start(|_| Answer::Close(ok(body("24.11.5", "v0.0.42/nodes.json")))).await;
    let server = Slurmrestd::start(provoke(&elsewhere.url())).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("SLURM_JWT={CANARY}\n")).unwrap();
    let in_file = format!("token_file: {}", file.display());
    let of_command = format!("token_command: [cat, {}]", file.display());
    for (auth, scheme) in [(&in_file, "slurm"), (&in_file, "bearer"), (&of_command, "slurm")] {
        let config = folder.path().join("config.yaml");
        let text = format!("slurm:\n  url: {}\n  auth: {{{auth}, scheme: {scheme}}}\n", server.url());
        std::fs::write(&config, text).unwrap();
        let asked = server.asked().len();
        let (said, pages, recording) =
            tokio::task::spawn_blocking(move || look_everywhere(&config)).await.unwrap();
        check("the log", &said);
        check("a page", &pages);
        check("the recording", &recording);
        // It was a test: the token was sent, quoted and refused.
        let asked = server.asked().split_off(asked);
        let carry =
            |name, value: &str| asked.iter().filter(|asked| asked.header(name) == Some(value)).count();
        let sent = carry("x-slurm-user-token", CANARY) + carry("authorization", &format!("Bearer {CANARY}"));
        assert!(sent >= 5, "{sent}");
        assert!(said.contains("[token]") && said.contains("307"), "{said}");
        assert!(recording.contains("[token]"), "{recording}");
    }
    assert!(elsewhere.asked().is_empty());
}

/// The log at its loudest, every page with the command line, and a recording.
fn look_everywhere(config: &std::path::Path) -> (String, String, String) {
    let exporter = Exporter::start(&["--config".as_ref(), config.as_os_str(), "--log.level=trace".as_ref()]);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut pages = String::new();
    loop {
        let (_, ready) = exporter.get("/ready");
        pages.push_str(&ready);
        if ready.matches("failed to poll").count() == 4 {
            break;
        }
        assert!(Instant::now() < deadline, "not every endpoint was polled: {ready}");
        std::thread::sleep(Duration::from_millis(50));
    }
    for path in ["/metrics", "/", "/health", "/config", "/nothing"] {
        pages.push_str(&exporter.get(path).1);
    }
    for file in ["cmdline", "status", "comm"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", exporter.id())).unwrap();
        pages.push_str(&String::from_utf8_lossy(&bytes));
    }
    let out = config.with_file_name("recording");
    let output = command().arg("record").arg("--config").arg(config).arg("--out").arg(&out).output().unwrap();
    let mut recording = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for entry in std::fs::read_dir(&out).unwrap() {
        recording.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    std::fs::remove_dir_all(&out).unwrap();
    let (code, said) = exporter.terminate();
    assert_eq!(code, Some(0));
    (said, pages, recording)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_costs_at_most_one_failed_poll() {
    let refused = Arc::new(AtomicUsize::new(0));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let (rotated, count) = (file.clone(), Arc::clone(&refused));
    let asked_with_first = AtomicUsize::new(0);
    // The second poll finds the first token refused, and the new one in the file only after its answer.
    let server = Slurmrestd::start(move |asked| {
        let is_first = asked.header("x-slurm-user-token") == Some("first");
        if is_first && asked_with_first.fetch_add(1, Ordering::SeqCst) > 0 {
            count.fetch_add(1, Ordering::SeqCst);
            let rotated = rotated.clone();
            std::thread::spawn(move || std::fs::write(rotated, "second").unwrap());
            return Answer::Close(recorded("24.11.5", "bad-token-nodes"));
        }
        Answer::Close(ok(body("24.11.5", "v0.0.42/nodes.json")))
    })
    .await;
    let source = exporter::source::Rest::new(&exporter::config::Slurm {
        url: server.url().parse().unwrap(),
        api_version: Some("v0.0.42"),
        auth: exporter::config::Auth {
            token: exporter::config::TokenSource::File(file.clone()),
            ..exporter::config::Auth::default()
        },
        ..exporter::config::Slurm::default()
    })
    .unwrap();
    use exporter::source::Source as _;
    let mut failed = 0;
    for _ in 0..5 {
        let poll = source.poll(exporter::model::Endpoint::Nodes, exporter::model::Timestamp::NONE).await;
        failed += usize::from(poll.outcome.is_err());
        // The next poll is seconds away; the new token is there by then.
        while refused.load(Ordering::SeqCst) > 0 && std::fs::read(&file).unwrap() != b"second" {
            tokio::task::yield_now().await;
        }
    }
    assert!(failed <= 1, "{failed} failed polls");
    assert!(refused.load(Ordering::SeqCst) >= 1);
}
