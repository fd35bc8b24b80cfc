//! `slurm-exporter doctor` against recorded answers, a simulated cluster and nothing at all: what it says is what is so.

use exporter::config::{Auth, Kind, Slurm, Token, TokenSource};
use exporter::doctor::{Mark, examine};

use crate::process::command;
use crate::simulator::Simulator;
use crate::source::slurmrestd::{Answer, Asked, Slurmrestd, body, not_found, ok, recorded};

/// `{"exp":4102444800,"sun":"slurmrest"}`: good until 2100.
const VALID: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDAsInN1biI6InNsdXJtcmVzdCJ9.canary";

/// `{"exp":1,"sun":"slurmrest"}`: since 1970.
const EXPIRED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjEsInN1biI6InNsdXJtcmVzdCJ9.canary";

/// The last part of the path, where the API version is 24.11's own.
fn endpoint(asked: &Asked) -> Option<&str> {
    asked.path().strip_prefix("/slurm/v0.0.42/")
}

/// Answers as 24.11 does, but for what `instead` answers.
async fn slurm_24_11(instead: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Slurmrestd {
    Slurmrestd::start(move |asked| {
        let known =
            endpoint(asked).filter(|name| ["ping", "diag", "nodes", "partitions", "jobs"].contains(name));
        let answer = known.map(|name| {
            instead(name).unwrap_or_else(|| ok(body("24.11.5", &format!("v0.0.42/{name}.json"))))
        });
        Answer::Close(answer.unwrap_or_else(not_found))
    })
    .await
}

fn section(url: &str, token: &str) -> Slurm {
    let token = TokenSource::Given(Token::from_text(token).unwrap());
    Slurm { url: url.parse().unwrap(), auth: Auth { token, ..Auth::default() }, ..Slurm::default() }
}

/// What is said about each matter, as `mark subject text`.
async fn said(slurm: &Slurm) -> Vec<(Mark, &'static str, String)> {
    let findings = examine(slurm).await.unwrap();
    for finding in &findings {
        assert!(!finding.text.contains("canary"), "{finding}");
    }
    findings.into_iter().map(|finding| (finding.mark, finding.subject, finding.text)).collect()
}

/// Asserts that something wrong is said about a matter, in such words.
async fn check(slurm: &Slurm, subject: &str, words: &[&str]) {
    let said = said(slurm).await;
    let found = said.iter().find(|(mark, about, _)| (*mark, *about) == (Mark::Wrong, subject));
    let Some((_, _, text)) = found else { panic!("nothing wrong with {subject}: {said:#?}") };
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

#[tokio::test]
async fn a_recorded_24_11_is_well_but_for_its_clock() {
    let server = slurm_24_11(|_| None).await;
    let said = said(&section(&server.url(), VALID)).await;
    let about = |subject: &str| {
        said.iter()
            .filter(|(_, about, _)| *about == subject)
            .map(|(mark, _, text)| (*mark, text.as_str()))
            .collect::<Vec<_>>()
    };
    assert_eq!(about("version"), [(Mark::Well, "Slurm 24.11.5, API v0.0.42")]);
    let [(Mark::Well, token)] = about("token")[..] else { panic!("{said:#?}") };
    assert!(token.starts_with("taken for slurmrest; it ends in ") && token.ends_with(" days"), "{token}");
    assert_eq!(about("controller"), [(Mark::Well, "slurmhost (primary) answers")]);
    let (Mark::Well, read) = about("answers")[0] else { panic!("{said:#?}") };
    assert!(read.contains("ping (1 in ") && read.contains("jobs ("), "{read}");
    // It was recorded before it is read.
    let [(Mark::Wrong, clock)] = about("clock")[..] else { panic!("{said:#?}") };
    assert!(clock.starts_with("this host's is ") && clock.contains("ahead of slurmctld's"), "{clock}");
}

#[tokio::test]
async fn nobody_there_is_said_once() {
    let slurm = section("http://127.0.0.1:1", VALID);
    let said = said(&slurm).await;
    assert_eq!(said.len(), 1, "{said:#?}");
    check(&slurm, "connection", &["Connection refused", "check that slurmrestd listens there"]).await;
}

#[tokio::test]
async fn a_url_with_something_else_behind_it_is_told() {
    let server = Slurmrestd::start(|_| Answer::Close(not_found())).await;
    check(&section(&server.url(), VALID), "version", &["404 for every API version", "slurmrestd's own"])
        .await;
}

#[tokio::test]
async fn a_refused_token_is_told_from_a_slurmctld_that_is_down() {
    // 24.11 answers the ping of both in the same way.
    let refused = slurm_24_11(|name| {
        let file = match name {
            "ping" | "diag" | "jobs" => format!("bad-token-{name}"),
            _ => "bad-token-nodes".to_owned(),
        };
        Some(recorded("24.11.5", &file))
    })
    .await;
    let words = ["511", "Protocol authentication error", "has not ended", "username=slurmrest"];
    check(&section(&refused.url(), VALID), "token", &words).await;
    check(&section(&refused.url(), EXPIRED), "token", &["the token ended ", "scontrol token"]).await;

    let down = slurm_24_11(|name| {
        let file = if name == "ping" { "ctlddown-ok-ping".to_owned() } else { format!("ctlddown-{name}") };
        Some(recorded("24.11.5", &file))
    })
    .await;
    let slurm = section(&down.url(), VALID);
    check(&slurm, "controller", &["no slurmctld answers slurmrestd: slurmhost (primary)"]).await;
    check(&slurm, "answers", &["Unable to contact slurm controller"]).await;
    let said = said(&slurm).await;
    assert!(
        said.contains(&(Mark::Note, "token", "no answer tells whether it is taken".to_owned())),
        "{said:#?}"
    );
}

#[tokio::test]
async fn no_token_where_one_is_wanted_is_told() {
    let server = slurm_24_11(|_| Some(recorded("24.11.5", "no-auth"))).await;
    let slurm = Slurm { url: server.url().parse().unwrap(), ..Slurm::default() };
    check(&slurm, "token", &["401", "no token is sent", "slurm.auth.token_file"]).await;
}

#[tokio::test]
async fn jobs_that_are_hidden_from_the_user_are_missed() {
    let nothing = String::from_utf8(body("24.11.5", "v0.0.42/jobs.json")).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&nothing).unwrap();
    document["jobs"] = serde_json::json!([]);
    let empty = ok(document.to_string());
    let server = slurm_24_11(move |name| (name == "jobs").then(|| empty.clone())).await;
    check(&section(&server.url(), VALID), "rights", &["shows 0: PrivateData hides"]).await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_asks_for_a_recording() {
    let server = slurm_24_11(|name| (name == "nodes").then(|| ok("{\"meta\":{}}"))).await;
    check(&section(&server.url(), VALID), "answers", &["/nodes", "slurm-exporter record --anonymise"]).await;
}

#[tokio::test]
async fn a_recording_has_neither_a_token_nor_a_clock() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/slurmrestd/26.05.5/v0.0.45");
    let slurm = Slurm { source: Kind::Recorded, recording: Some(folder.into()), ..Slurm::default() };
    let said = said(&slurm).await;
    let subjects: Vec<_> = said.iter().map(|(_, subject, _)| *subject).collect();
    assert!(!subjects.contains(&"token") && !subjects.contains(&"clock"), "{said:#?}");
    assert!(said.iter().all(|(mark, _, _)| *mark != Mark::Wrong), "{said:#?}");
}

#[test]
fn its_exit_code_says_whether_all_is_well() {
    let run = |arguments: &[String]| {
        let output = command().arg("doctor").args(arguments).output().unwrap();
        let (said, complaints) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (output.status.code(), said, complaints)
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/slurmrestd/24.11.5/v0.0.42");
    let recorded = ["--slurm.source=recorded".to_owned(), format!("--slurm.recorded-directory={folder}")];
    let (code, said, _) = run(&recorded);
    assert!(
        said.starts_with(&format!("the recording in {folder}\n  ok     connection  answered in ")),
        "{said}"
    );
    assert_eq!(code, Some(0), "{said}");

    let simulator = Simulator::start();
    let (_, said, complaints) = run(&simulator.exporter_arguments());
    assert!(said.contains("  note   token       none is sent"), "{said}");
    assert!(complaints.contains("no token: "), "{complaints}");

    let (code, said, _) = run(&["--slurm.url=http://127.0.0.1:1".to_owned()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("  WRONG  connection  "), "{said}");

    let (code, said, complaints) =
        run(&["--slurm.url=http://127.0.0.1:1".to_owned(), "--slurm.token-file=/nonexistent".to_owned()]);
    assert_eq!((code, said.as_str()), (Some(2), ""), "{complaints}");
}
