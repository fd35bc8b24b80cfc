//! TLS, client certificates, users and headers by a web config file: what it may say, and what it does.
//! Judged by promtool, openssl and a real Prometheus.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exporter::config::Web;

use crate::process::{Exporter, has_program, http_request, missing};
use crate::prometheus::Prometheus;
use crate::simulator::Simulator;

/// bcrypt of "test" at its lowest cost, as htpasswd prints it.
const HASH: &str = "$2y$04$/WQN4W3wZz3jdvdvvvHuH.URTIkfh707AQgW5gueWXgDcG30iYuNq";

/// A folder with a CA, a server's certificate for 127.0.0.1 and two clients' certificates.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    /// None where openssl is missing (and may be).
    pub(crate) fn new() -> Option<Self> {
        if missing("openssl", has_program("openssl"), "apt-get install openssl") {
            return None;
        }
        let folder = Self(tempfile::tempdir().unwrap());
        folder.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=ca",
            "-days",
            "2",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ]);
        for (name, san) in [
            ("server", "IP:127.0.0.1"),
            ("prometheus", "DNS:prometheus.example"),
            ("other", "DNS:other.example"),
        ] {
            folder.certificate(name, san);
        }
        Some(folder)
    }

    fn certificate(&self, name: &str, san: &str) {
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &format!("/CN={name}"),
            "-days",
            "2",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-addext",
            &format!("subjectAltName={san}"),
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ]);
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, yaml: &str) -> PathBuf {
        let path = self.path("web.yaml");
        fs::write(&path, yaml).unwrap();
        path
    }

    fn start(&self, simulator: &Simulator, yaml: &str) -> Exporter {
        let mut arguments = simulator.exporter_arguments();
        arguments.push(format!("--web.config.file={}", self.write(yaml).display()));
        Exporter::start(&arguments)
    }

    /// What openssl's client gets for a GET of `/health`: the answer, or nothing when the handshake fails.
    fn health(&self, exporter: &Exporter, more: &[&str]) -> String {
        let mut client = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-verify_return_error",
                "-CAfile",
                "ca.pem",
                "-connect",
                &exporter.address,
            ])
            .args(more)
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Gone when the handshake has failed.
        let _ = client.stdin.take().unwrap().write_all(b"GET /health HTTP/1.0\r\nHost: a\r\n\r\n");
        let mut answer = String::new();
        client.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
        client.wait().unwrap();
        answer
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";

fn basic(credentials: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
    format!("Authorization: Basic {encoded}\r\n")
}

#[test]
fn plain_http_is_no_answer_where_tls_is_spoken() {
    let Some(folder) = Folder::new() else { return };
    let simulator = Simulator::start();
    let exporter = folder.start(&simulator, TLS);
    assert!(folder.health(&exporter, &[]).contains("200 OK"));
    assert!(folder.health(&exporter, &["-tls1_2"]).contains("200 OK"));
    let mut plain = std::net::TcpStream::connect(&exporter.address).unwrap();
    plain.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // A reset or an alert, but no page.
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"));
}

#[test]
fn versions_and_suites_are_as_configured() {
    let Some(folder) = Folder::new() else { return };
    let simulator = Simulator::start();
    let exporter = folder.start(&simulator, &format!("{TLS}  min_version: TLS13\n"));
    assert!(folder.health(&exporter, &["-tls1_3"]).contains("200 OK"));
    assert_eq!(folder.health(&exporter, &["-tls1_2"]), "");
    let suites = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n";
    let exporter = folder.start(&simulator, &format!("{TLS}{suites}"));
    let with = |cipher| folder.health(&exporter, &["-tls1_2", "-cipher", cipher]);
    assert!(with("ECDHE-ECDSA-AES256-GCM-SHA384").contains("200 OK"));
    assert_eq!(with("ECDHE-ECDSA-AES128-GCM-SHA256"), "");
    assert_eq!(folder.health(&exporter, &["-tls1_3"]), "");
}

#[test]
fn a_client_shows_a_certificate_of_the_ca_with_an_allowed_name() {
    let Some(folder) = Folder::new() else { return };
    let simulator = Simulator::start();
    let mutual = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    let known: [&str; 4] = ["-cert", "prometheus.pem", "-key", "prometheus.key"];
    let other: [&str; 4] = ["-cert", "other.pem", "-key", "other.key"];
    let exporter = folder.start(&simulator, &format!("{TLS}{mutual}"));
    assert!(folder.health(&exporter, &known).contains("200 OK"));
    assert!(folder.health(&exporter, &other).contains("200 OK"));
    assert_eq!(folder.health(&exporter, &[]), "");
    let exporter =
        folder.start(&simulator, &format!("{TLS}{mutual}  client_allowed_sans: [prometheus.example]\n"));
    assert!(folder.health(&exporter, &known).contains("200 OK"));
    assert_eq!(folder.health(&exporter, &other), "");
}

#[test]
fn users_and_headers_hold_for_every_page_and_change_without_a_restart() {
    let simulator = Simulator::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yaml");
    let yaml = format!(
        "basic_auth_users: {{ann: {HASH}}}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}\n"
    );
    fs::write(&file, &yaml).unwrap();
    let mut arguments = simulator.exporter_arguments();
    arguments.push(format!("--web.config.file={}", file.display()));
    let exporter = Exporter::start(&arguments);
    let as_ann = |password: &str| {
        http_request(&exporter.address, "GET", "/metrics", &basic(&format!("ann:{password}"))).0
    };
    for path in ["/", "/metrics", "/health", "/config", "/nothing"] {
        assert_eq!(exporter.get(path), (401, "Unauthorized\n".to_owned()), "{path}");
    }
    assert_eq!((as_ann("test"), as_ann("wrong"), as_ann("test")), (200, 401, 200));
    assert_eq!(http_request(&exporter.address, "GET", "/", &basic("bob:test")).0, 401);
    let mut stream = std::net::TcpStream::connect(&exporter.address).unwrap();
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("x-frame-options: deny") && answer.contains("www-authenticate: Basic"),
        "{answer}"
    );
    // A bad file changes nothing; a good one without users lets everybody in.
    fs::write(&file, "basic_auth_users: {ann: test}\n").unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let wait_for = |what: &str, wanted: &dyn Fn() -> bool| {
        while !wanted() {
            assert!(Instant::now() < deadline, "{what} did not come");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    exporter.wait_for_log("the one before stays in use");
    assert_eq!((as_ann("test"), exporter.get("/health").0), (200, 401));
    fs::write(&file, "").unwrap();
    wait_for("a port for everybody", &|| exporter.get("/health").0 == 200);
    let (_, log) = exporter.terminate();
    assert!(log.contains("expected a bcrypt hash") && log.contains("the one before stays in use"), "{log}");
}

#[test]
fn a_real_prometheus_scrapes_over_tls_as_a_user() {
    let Some(folder) = Folder::new() else { return };
    if missing("prometheus", has_program("prometheus"), "apt-get install prometheus") {
        return;
    }
    let simulator = Simulator::start();
    let mutual = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    let exporter = folder.start(&simulator, &format!("{TLS}{mutual}basic_auth_users: {{ann: {HASH}}}\n"));
    let scheme = "    scheme: https\n    basic_auth: {username: ann, password: test}\n    \
                  tls_config: {ca_file: ca.pem, cert_file: prometheus.pem, key_file: prometheus.key}\n";
    let root = folder.path("");
    Prometheus::scraping(&exporter.address, &root, scheme).wait_for_scrapes(1);
}

/// What is wrong with such a file, its name left out; empty when nothing is.
fn mistakes(folder: &Path, yaml: &str) -> Vec<String> {
    let path = folder.join("web.yaml");
    fs::write(&path, yaml).unwrap();
    match Web::read(&path) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .to_string()
            .replace(&path.display().to_string(), "web.yaml")
            .lines()
            .map(str::to_owned)
            .collect(),
    }
}

#[test]
fn every_key_works_or_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let tls = "tls_server_config:\n  cert_file: c\n  key_file: k\n";
    for (yaml, expected) in [
        (
            "tls_server_confg: {}\n",
            "web.yaml:1:1: tls_server_confg: unknown key, did you mean tls_server_config?",
        ),
        ("tls_server_config: {cert_file: c}\n", "web.yaml:1:1: tls_server_config: key_file is not set"),
        (
            &format!("{tls}  min_version: TLS11\n"),
            "web.yaml:4:16: tls_server_config.min_version: TLS11 is broken and not spoken here; use TLS12 or TLS13",
        ),
        (
            &format!("{tls}  min_version: TLS13\n  max_version: TLS12\n"),
            "web.yaml:1:1: tls_server_config: min_version is newer than max_version",
        ),
        (
            &format!("{tls}  client_auth_type: RequireAnyClientCert\n"),
            "web.yaml:4:21: tls_server_config.client_auth_type: a certificate that nobody verifies proves nothing; use VerifyClientCertIfGiven or RequireAndVerifyClientCert",
        ),
        (
            &format!("{tls}  client_ca_file: ca\n"),
            "web.yaml:1:1: tls_server_config: client_ca_file and client_allowed_sans need a client_auth_type that verifies",
        ),
        (
            &format!("{tls}  client_auth_type: RequireAndVerifyClientCert\n"),
            "web.yaml:1:1: tls_server_config: client certificates are verified by client_ca_file, which is not set",
        ),
        (
            "http_server_config: {headers: {X-Other: a}}\n",
            "web.yaml:1:32: http_server_config.headers.X-Other: unknown key, known here: Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection",
        ),
        (
            "basic_auth_users:\n  ann: secret\n",
            "web.yaml:2:8: basic_auth_users.ann: expected a bcrypt hash, as htpasswd -nB prints it",
        ),
        ("rate_limit: {}\n", "web.yaml:1:1: rate_limit: is not supported; a scrape costs nothing here"),
    ] {
        assert_eq!(mistakes(folder.path(), yaml), [expected], "{yaml}");
    }
}

#[test]
fn promtool_agrees_on_what_is_a_good_file() {
    let Some(folder) = Folder::new() else { return };
    if missing("promtool", has_program("promtool"), "apt-get install prometheus") {
        return;
    }
    let mutual = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    for (yaml, good) in [
        (String::new(), true),
        (TLS.to_owned(), true),
        (format!("{TLS}{mutual}"), true),
        (format!("{TLS}  min_version: TLS13\n  prefer_server_cipher_suites: false\n"), true),
        (
            format!(
                "{TLS}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n  curve_preferences: [X25519, CurveP256]\n"
            ),
            true,
        ),
        (format!("basic_auth_users: {{ann: {HASH}}}\n"), true),
        ("http_server_config: {http2: true}\n".to_owned(), true),
        ("http_server_config: {http2: false, headers: {X-Frame-Options: deny}}\n".to_owned(), true),
        ("tls_server_config: {cert_file: server.pem}\n".to_owned(), false),
        (format!("{TLS}  cipher_suites: [TLS_NONSENSE]\n"), false),
        (format!("{TLS}  min_version: TLS9\n"), false),
        (format!("{TLS}  client_auth_type: Sometimes\n"), false),
        ("basic_auth_users: {ann: secret}\n".to_owned(), false),
        ("nonsense: 1\n".to_owned(), false),
        (TLS.replace("server.pem", "missing.pem"), false),
    ] {
        let file = folder.write(&yaml);
        let said = Command::new("promtool").args(["check", "web-config"]).arg(&file).output().unwrap();
        let ours = exporter::server::WebConfig::load(&file);
        assert_eq!(
            said.status.success(),
            good,
            "promtool on {yaml}: {}",
            String::from_utf8_lossy(&said.stderr)
        );
        assert_eq!(ours.is_ok(), good, "{yaml}: {ours:?}");
    }
}
