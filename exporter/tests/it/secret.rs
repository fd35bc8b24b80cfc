//! The token never leaks: not into logs at any level, metrics, pages, errors, recordings or the command line, and not
//! to another host. And it can be replaced while the exporter runs.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use exporter::config::{Auth, Inputs, Slurm, TokenSource};
use exporter::model::{Endpoint, Timestamp};
use exporter::source::{Rest, Source as _};

use crate::page::Samples;
use crate::process::{Exporter, command, http_request};
use crate::source::slurmrestd::{Answer, Slurmrestd, body, http, not_found, ok, recorded};

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
    // A reload reads the token again, and one that fails quotes the file.
    let good = std::fs::read_to_string(config).unwrap();
    let admin = |method, path| http_request(exporter.admin(), method, path, "");
    std::fs::write(config, format!("{good}  nonsense: true\n")).unwrap();
    let (status, refused) = admin("POST", "/-/reload");
    assert_eq!(status, 500, "{refused}");
    std::fs::write(config, format!("{good}  max_in_flight: 1\n")).unwrap();
    let (status, reloaded) = admin("POST", "/-/reload");
    assert_eq!(status, 200, "{reloaded}");
    pages.push_str(&refused);
    for path in ["/", "/-/loglevel", "/-/reload", "/debug/pprof/goroutine", "/debug/pprof/"] {
        pages.push_str(&admin("GET", path).1);
    }
    for file in ["cmdline", "status", "comm"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", exporter.id())).unwrap();
        pages.push_str(&String::from_utf8_lossy(&bytes));
    }
    let out = config.with_file_name("recording");
    let run = |words: &[&OsStr]| {
        let output = command().args(words).arg("--config").arg(config).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let mut recording = run(&["record".as_ref(), "--out".as_ref(), out.as_os_str()]);
    for subcommand in ["once", "doctor"] {
        pages.push_str(&run(&[subcommand.as_ref()]));
    }
    for entry in std::fs::read_dir(&out).unwrap() {
        recording.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    std::fs::remove_dir_all(&out).unwrap();
    let (code, said) = exporter.terminate();
    assert_eq!(code, Some(0));
    (said, pages, recording)
}

/// A panic prints what it is told to, and `{:?}` is all that it can be told.
#[tokio::test]
async fn what_a_panic_could_print_holds_no_token() {
    let environment = [("SLURM_JWT".to_owned(), CANARY.to_owned())];
    let inputs = Inputs::new(None, &environment, Vec::new());
    let refused = inputs.load().unwrap_err();
    check("a mistake", &format!("{refused} {refused:?} {inputs:?}"));

    let url = ("SLURM_EXPORTER_SLURM_URL".to_owned(), "http://127.0.0.1:1".to_owned());
    let environment = [environment[0].clone(), url];
    let inputs = Inputs::new(None, &environment, Vec::new());
    let loaded = inputs.load().unwrap();
    let source = Rest::new(&loaded.config.slurm).unwrap();
    let poll = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
    assert!(poll.outcome.is_err());
    check("a value", &format!("{inputs:?} {loaded:#?} {source:?} {poll:?}"));

    let broken = [environment[1].clone(), ("SLURM_JWT".to_owned(), format!("{CANARY} {CANARY}"))];
    let refused = Inputs::new(None, &broken, Vec::new()).load().unwrap_err();
    check("a mistake", &format!("{refused} {refused:?}"));
}

/// What a rotation is watched at.
const OFTEN: [&str; 5] = ["ping", "diag", "nodes", "partitions", "jobs"];

/// slurmrestd takes one token at a time; the next one is in the file, moved there as Kubernetes does, the moment before.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_exporter_goes_over_to_each_new_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "token0").unwrap();
    let valid = Arc::new(Mutex::new("token0".to_owned()));
    let taken = Arc::clone(&valid);
    let server = Slurmrestd::start(move |asked| {
        if asked.header("x-slurm-user-token") != Some(taken.lock().unwrap().as_str()) {
            return Answer::Close(recorded("24.11.5", "bad-token-nodes"));
        }
        let path = asked.path().split('?').next().unwrap();
        let name = path.strip_prefix("/slurm/v0.0.42/").unwrap_or_default().trim_end_matches('/');
        match OFTEN.contains(&name) {
            true => Answer::Close(ok(body("24.11.5", &format!("v0.0.42/{name}.json")))),
            false => Answer::Close(not_found()),
        }
    })
    .await;
    let arguments = [
        format!("--slurm.url={}", server.url()),
        format!("--slurm.token-file={}", file.display()),
        "--slurm.api-version=v0.0.42".to_owned(),
    ];
    let often = OFTEN.map(|endpoint| format!("--collection.intervals.{endpoint}=1s"));
    let rotate = move || {
        let exporter = Exporter::start(&[&arguments[..], &often].concat());
        exporter.wait_until_ready();
        for number in 1..=3 {
            let next = format!("token{number}");
            let new = file.with_file_name("new");
            std::fs::write(&new, &next).unwrap();
            // Nothing is judged between the two.
            let mut valid = valid.lock().unwrap();
            std::fs::rename(&new, &file).unwrap();
            *valid = next;
            drop(valid);
            let before = exporter.scrape();
            let deadline = Instant::now() + Duration::from_secs(60);
            while !polled_again(&before, &exporter.scrape()) {
                assert!(
                    Instant::now() < deadline,
                    "not polled with the new token: {}",
                    exporter.get("/ready").1
                );
                std::thread::sleep(Duration::from_millis(50));
            }
            let page = exporter.scrape();
            let failed = |page: &Samples| {
                page.sum("slurm_exporter_collection_errors_total", &[("error_type", "auth")])
            };
            assert_eq!(failed(&page), 0.0);
            let up = |name| page.get("slurm_exporter_endpoint_up", &[("endpoint", name)]);
            assert_eq!(OFTEN.map(up), [Some(1.0); 5]);
        }
    };
    tokio::task::spawn_blocking(rotate).await.unwrap();
    // It was a test: each token was used.
    for number in 0..=3 {
        let token = format!("token{number}");
        assert!(
            server.asked().iter().any(|asked| asked.header("x-slurm-user-token") == Some(&token)),
            "{token}"
        );
    }
}

/// Whether every endpoint was polled after the first page was made. The own families are up to a second old, in which
/// there may have been two polls; the third surely began after it.
fn polled_again(before: &Samples, now: &Samples) -> bool {
    let good = |page: &Samples, endpoint| {
        page.sum("slurm_exporter_api_requests_total", &[("endpoint", endpoint), ("code", "200")])
    };
    OFTEN.iter().all(|endpoint| good(now, endpoint) >= good(before, endpoint) + 3.0)
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
    let source = Rest::new(&Slurm {
        url: server.url().parse().unwrap(),
        api_version: Some("v0.0.42"),
        auth: Auth { token: TokenSource::File(file.clone()), ..Auth::default() },
        ..Slurm::default()
    })
    .unwrap();
    let mut failed = 0;
    for _ in 0..5 {
        let poll = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
        failed += usize::from(poll.outcome.is_err());
        // The next poll is seconds away; the new token is there by then.
        while refused.load(Ordering::SeqCst) > 0 && std::fs::read(&file).unwrap() != b"second" {
            tokio::task::yield_now().await;
        }
    }
    assert!(failed <= 1, "{failed} failed polls");
    assert!(refused.load(Ordering::SeqCst) >= 1);
}

#[test]
fn the_password_of_a_proxy_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let slurm = "url: \"http://127.0.0.1:9\", proxy_url: \"http://ann:canary@127.0.0.1:9\"";
    for text in [format!("slurm: {{{slurm}}}\n"), format!("clusters: [{{name: one, {slurm}}}]\n")] {
        std::fs::write(&file, text).unwrap();
        let exporter =
            Exporter::start(&["--config".as_ref(), file.as_os_str(), "--log.level=trace".as_ref()]);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !exporter.get("/ready").1.contains("failed to poll") {
            assert!(Instant::now() < deadline, "{}", exporter.get("/ready").1);
            std::thread::sleep(Duration::from_millis(50));
        }
        let (_, config) = exporter.get("/config");
        assert!(config.contains("proxy_url: \"http://(redacted)@127.0.0.1:9\""), "{config}");
        let pages = ["/metrics", "/ready", "/"].map(|path| exporter.get(path).1).concat();
        let (_, log) = exporter.terminate();
        assert!(!format!("{config}{pages}{log}").contains("canary"), "{config}{pages}{log}");
    }
}
