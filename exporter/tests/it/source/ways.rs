//! The ways to slurmrestd: a Unix socket, TLS with an authority and a certificate of one's own, a proxy, Bearer.
//! The TLS server is openssl's, which is none of ours.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use exporter::config::{Auth, Scheme, Slurm, Tls, TokenSource};
use exporter::model::{Endpoint, Timestamp};
use exporter::source::{ErrorClass, PollError, Rest, Source, SourceError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use super::slurmrestd::{self, Answer, Slurmrestd};
use super::{VALID, nodes, ping, section, token};
use crate::process::{has_program, missing};

async fn poll(slurm: &Slurm, endpoint: Endpoint) -> Result<exporter::wire::Answer, PollError> {
    Rest::new(slurm).unwrap().poll(endpoint, Timestamp::NONE).await.outcome
}

#[tokio::test]
async fn a_unix_socket_is_asked_like_a_host_and_may_have_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slurmrestd.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&ping()).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let slurm = section(&format!("unix:{}", path.display()), Some("v0.0.42"), token(VALID));
    poll(&slurm, Endpoint::Ping).await.unwrap();
    let asked = asked.await.unwrap();
    assert!(asked.starts_with("GET /slurm/v0.0.42/ping HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("x-slurm-user-token: {VALID}\r\n")), "{asked}");
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_a_connect_error() {
    let slurm = section("unix:/nonexistent/slurmrestd.sock", Some("v0.0.42"), TokenSource::None);
    let error = poll(&slurm, Endpoint::Ping).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Connect, "{error}");
}

#[tokio::test]
async fn bearer_is_another_header_for_the_same_token() {
    let server = Slurmrestd::start(|_| Answer::Close(nodes())).await;
    let mut slurm = section(&server.url(), Some("v0.0.42"), token(VALID));
    slurm.auth.scheme = Scheme::Bearer;
    poll(&slurm, Endpoint::Nodes).await.unwrap();
    slurm.auth.user = Some("alice".to_owned());
    poll(&slurm, Endpoint::Nodes).await.unwrap();
    let [first, second] = &server.asked()[..] else { panic!("not two requests") };
    assert_eq!(first.header("authorization"), Some(format!("Bearer {VALID}").as_str()));
    assert_eq!((first.header("x-slurm-user-token"), first.header("x-slurm-user-name")), (None, None));
    assert_eq!(second.header("x-slurm-user-name"), Some("alice"));
}

#[tokio::test]
async fn a_proxy_is_used_when_it_is_configured() {
    let proxy = Slurmrestd::start(|_| Answer::Close(nodes())).await;
    let mut slurm = section("http://slurmrestd.invalid:6820", Some("v0.0.42"), token(VALID));
    slurm.proxy_url = Some(proxy.url().parse().unwrap());
    poll(&slurm, Endpoint::Nodes).await.unwrap();
    assert_eq!(proxy.paths(), ["http://slurmrestd.invalid:6820/slurm/v0.0.42/nodes"]);
}

#[tokio::test]
async fn a_token_that_a_command_makes_replaces_a_refused_one() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    // The first token has expired; to be refused is not what makes it run again, but its end.
    let script = format!(
        "echo x >>{0}; test $(wc -l <{0}) = 1 && echo {1} || echo {VALID}",
        made.display(),
        super::EXPIRED
    );
    let server = Slurmrestd::start(|asked| match asked.header("x-slurm-user-token") {
        Some(VALID) => Answer::Close(nodes()),
        _ => Answer::Close(slurmrestd::recorded("24.11.5", "bad-token-nodes")),
    })
    .await;
    let words = ["sh", "-c", &script].map(str::to_owned).to_vec();
    let auth = Auth { token: TokenSource::Command(words), ..Auth::default() };
    let slurm = Slurm { auth, ..section(&server.url(), Some("v0.0.42"), TokenSource::None) };
    let source = Rest::new(&slurm).unwrap();
    let first = source.poll(Endpoint::Nodes, Timestamp::NONE).await;
    assert_eq!(first.outcome.unwrap_err().class, ErrorClass::Auth);
    assert!(source.poll(Endpoint::Nodes, Timestamp::NONE).await.outcome.is_ok());
    assert_eq!(source.token_expiry(), Some(4_102_444_800));
}

#[tokio::test]
async fn without_any_token_nothing_is_asked() {
    let server = Slurmrestd::start(|_| Answer::Close(nodes())).await;
    let auth = Auth { token: TokenSource::Command(vec!["false".to_owned()]), ..Auth::default() };
    let slurm = Slurm { auth, ..section(&server.url(), Some("v0.0.42"), TokenSource::None) };
    let error = poll(&slurm, Endpoint::Nodes).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Auth);
    assert!(error.message.ends_with("failed to have false make a token: exit status 1"), "{error}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_certificate_that_is_none_is_told_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let refused = |tls: Tls| {
        let slurm = Slurm { tls, ..section("https://127.0.0.1:1", None, TokenSource::None) };
        let error = Rest::new(&slurm).unwrap_err();
        assert!(matches!(error, SourceError::NoPem { .. }));
        error.to_string().replace(&path.display().to_string(), "FILE")
    };
    let ca = || Tls { ca_file: Some(path.clone()), ..Tls::default() };
    assert_eq!(refused(ca()), "failed to read FILE: No such file or directory (os error 2)");
    std::fs::write(&path, "no certificate").unwrap();
    assert_eq!(refused(ca()), "failed to read FILE: holds no certificate");
    let pair = Tls { cert_file: Some(path.clone()), key_file: Some(path.clone()), ..Tls::default() };
    assert!(refused(pair).starts_with("failed to read FILE: "));
}

/// openssl's server, with recorded answers as its files; dropping it ends it.
struct TlsServer {
    child: Child,
    url: String,
}

impl TlsServer {
    fn start(folder: &Path) -> Self {
        let files = folder.join("slurm/v0.0.42");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("nodes"), nodes()).unwrap();
        let mut child = Command::new("openssl")
            .current_dir(folder)
            .args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-HTTP",
                "-cert",
                "server.pem",
                "-key",
                "server.key",
            ])
            .args(["-CAfile", "ca.pem", "-Verify", "1", "-verify_return_error"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = said.find(|line| line.starts_with("ACCEPT ")).unwrap();
        // Its stdout stays open for as long as it runs.
        std::thread::spawn(move || said.for_each(drop));
        let url = format!("https://{}", line.trim_start_matches("ACCEPT "));
        Self { child, url }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, line: &str) {
    let output = Command::new("openssl").current_dir(folder).args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and certificates of it for the server and for us.
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder, &format!("req -x509 {key} -subj /CN=authority -keyout ca.key -out ca.pem"));
    for (name, more) in
        [("server", "-addext subjectAltName=IP:127.0.0.1"), ("client", "-addext extendedKeyUsage=clientAuth")]
    {
        openssl(
            folder,
            &format!(
                "req -x509 {key} -CA ca.pem -CAkey ca.key -subj /CN={name} -addext basicConstraints=CA:FALSE {more} \
                 -keyout {name}.key -out {name}.pem"
            ),
        );
    }
}

#[tokio::test]
async fn tls_trusts_a_configured_authority_and_shows_a_certificate() {
    if missing("openssl", has_program("openssl"), "apt-get install openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let server = TlsServer::start(folder.path());
    let file = |name: &str| Some(folder.path().join(name));
    let ask = async |tls: Tls| {
        let slurm = Slurm { tls, ..section(&server.url, Some("v0.0.42"), token(VALID)) };
        poll(&slurm, Endpoint::Nodes).await
    };
    let whole = Tls { ca_file: file("ca.pem"), cert_file: file("client.pem"), key_file: file("client.key") };
    ask(whole.clone()).await.unwrap();
    // Neither an authority that nobody named nor a visitor without a certificate will do.
    let stranger = ask(Tls { ca_file: None, ..whole.clone() }).await.unwrap_err();
    assert_eq!(stranger.class, ErrorClass::Connect, "{stranger}");
    assert!(stranger.message.contains("certificate"), "{stranger}");
    let anonymous = ask(Tls { cert_file: None, key_file: None, ..whole }).await.unwrap_err();
    assert_eq!(anonymous.class, ErrorClass::Connect, "{anonymous}");
}
