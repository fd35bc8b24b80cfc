//! The web config file, in the format of Prometheus' exporter-toolkit: TLS, client certificates, users, headers.
//! A key either works or is refused with its place. The files that it names are opened by `server::web`.
//!
//! Format: <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>.

use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use super::load;
use super::tree::{self, Node, Place, Value};
use super::{ConfigError, ConfigErrors, Origin};

/// What the file says, after checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Web {
    pub tls: Option<WebTls>,
    /// Sent with every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Name and bcrypt hash; empty when everybody may read.
    pub users: Vec<(String, String)>,
    /// What is right and has no effect here, a line each.
    pub warnings: Vec<String>,
}

/// How the port speaks TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct WebTls {
    pub cert: Pem,
    pub key: Pem,
    pub client_auth: ClientAuth,
    pub client_ca: Option<Pem>,
    /// One of these has to be among the names of a client's certificate; empty when any name will do.
    pub client_sans: Vec<String>,
    /// Whether the oldest version is TLS 1.3, and the newest 1.2.
    pub only_13: bool,
    pub only_12: bool,
    /// Names as Go has them; empty for all.
    pub cipher_suites: Vec<String>,
    pub curves: Vec<String>,
    pub prefer_server_cipher_suites: bool,
}

/// A certificate or key.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    File(PathBuf),
    Text(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    #[default]
    None,
    IfGiven,
    Required,
}

/// The headers that the format knows.
const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
];

const TLS_KEYS: [&str; 13] = [
    "cert_file",
    "key_file",
    "cert",
    "key",
    "client_auth_type",
    "client_ca_file",
    "client_ca",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "curve_preferences",
    "prefer_server_cipher_suites",
];

impl Web {
    /// Reads a file; the paths in it are relative to its folder.
    ///
    /// # Errors
    /// Every mistake with its place. That a file it names exists is not looked at.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        let file = path.display().to_string();
        let alone = |origin, message| ConfigErrors(vec![ConfigError::new(Some(origin), "", message)]);
        let text = load::read(path).map_err(|message| alone(Origin::WholeFile(file.clone()), message))?;
        let root = tree::parse(&text).map_err(|(place, message)| {
            alone(
                place.map_or_else(|| Origin::WholeFile(file.clone()), |place| Origin::at(&file, place)),
                message,
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut reader = Reader { file, folder, errors: Vec::new(), warnings: Vec::new() };
        let web = reader.web(&root);
        let web = Self { warnings: reader.warnings, ..web };
        if reader.errors.is_empty() { Ok(web) } else { Err(ConfigErrors(reader.errors)) }
    }
}

struct Reader {
    file: String,
    folder: PathBuf,
    errors: Vec<ConfigError>,
    warnings: Vec<String>,
}

impl Reader {
    fn refuse(&mut self, place: Place, key: &str, message: impl Into<String>) {
        self.errors.push(ConfigError::new(Some(Origin::at(&self.file, place)), key, message));
    }

    fn web(&mut self, root: &Node) -> Web {
        let mut web = Web::default();
        for (name, place, node) in self.section("", root) {
            match name.as_str() {
                "tls_server_config" => web.tls = self.tls(*place, node),
                "http_server_config" => web.headers = self.http(node),
                "basic_auth_users" => web.users = self.users(node),
                "rate_limit" => self.refuse(*place, name, "is not supported; a scrape costs nothing here"),
                _ => self.unknown(
                    *place,
                    "",
                    name,
                    &["tls_server_config", "http_server_config", "basic_auth_users"],
                ),
            }
        }
        web
    }

    fn tls(&mut self, place: Place, node: &Node) -> Option<WebTls> {
        const SECTION: &str = "tls_server_config";
        let entries = self.section(SECTION, node);
        let mut tls = WebTls {
            cert: Pem::Text(String::new()),
            key: Pem::Text(String::new()),
            client_auth: ClientAuth::None,
            client_ca: None,
            client_sans: Vec::new(),
            only_13: false,
            only_12: false,
            cipher_suites: Vec::new(),
            curves: Vec::new(),
            prefer_server_cipher_suites: true,
        };
        let (mut cert, mut key) = (None, None);
        for (name, place, node) in entries {
            let path = format!("{SECTION}.{name}");
            match name.as_str() {
                "cert_file" => self.once(*place, &path, &mut cert, |reader| reader.file(&path, node)),
                "cert" => {
                    self.once(*place, &path, &mut cert, |reader| reader.text(&path, node).map(Pem::Text));
                }
                "key_file" => self.once(*place, &path, &mut key, |reader| reader.file(&path, node)),
                "key" => self.once(*place, &path, &mut key, |reader| reader.text(&path, node).map(Pem::Text)),
                "client_ca_file" => {
                    self.once(*place, &path, &mut tls.client_ca, |reader| reader.file(&path, node));
                }
                "client_ca" => {
                    self.once(*place, &path, &mut tls.client_ca, |reader| {
                        reader.text(&path, node).map(Pem::Text)
                    });
                }
                "client_auth_type" => tls.client_auth = self.client_auth(&path, node),
                "client_allowed_sans" => {
                    tls.client_sans =
                        self.list(&path, node, |san| match san.contains('@') && !san.contains("://") {
                            true => {
                                Err("names of e-mail are not compared; give a DNS name, an address or a URI"
                                    .to_owned())
                            }
                            false => Ok(()),
                        });
                }
                "min_version" => tls.only_13 = self.version(&path, node) == Some(13),
                "max_version" => tls.only_12 = self.version(&path, node) == Some(12),
                "cipher_suites" => tls.cipher_suites = self.list(&path, node, |_| Ok(())),
                "curve_preferences" => tls.curves = self.list(&path, node, |_| Ok(())),
                "prefer_server_cipher_suites" => {
                    tls.prefer_server_cipher_suites = self.switch(&path, node).unwrap_or(true);
                }
                _ => self.unknown(*place, SECTION, name, &TLS_KEYS),
            }
        }
        if tls.only_12 && tls.only_13 {
            self.refuse(place, SECTION, "min_version is newer than max_version");
        }
        if tls.client_auth != ClientAuth::None && tls.client_ca.is_none() {
            self.refuse(
                place,
                SECTION,
                "client certificates are verified by client_ca_file, which is not set",
            );
        }
        if tls.client_auth == ClientAuth::None && (tls.client_ca.is_some() || !tls.client_sans.is_empty()) {
            let message = "client_ca_file and client_allowed_sans need a client_auth_type that verifies";
            self.refuse(place, SECTION, message);
        }
        if entries.is_empty() {
            return None;
        }
        for (pem, name) in [(&cert, "cert_file"), (&key, "key_file")] {
            // A wrong one has its own error.
            let path = format!("{SECTION}.{name}");
            if pem.is_none() && !self.errors.iter().any(|error| error.key == path) {
                self.refuse(place, SECTION, format!("{name} is not set"));
            }
        }
        Some(WebTls { cert: cert?, key: key?, ..tls })
    }

    fn client_auth(&mut self, path: &str, node: &Node) -> ClientAuth {
        let Some(text) = self.text(path, node) else { return ClientAuth::None };
        match text.as_str() {
            "" | "NoClientCert" => ClientAuth::None,
            "VerifyClientCertIfGiven" => ClientAuth::IfGiven,
            "RequireAndVerifyClientCert" => ClientAuth::Required,
            "RequestClientCert" | "RequireAnyClientCert" => {
                let message = "a certificate that nobody verifies proves nothing; use VerifyClientCertIfGiven or \
                               RequireAndVerifyClientCert";
                self.refuse(node.place, path, message);
                ClientAuth::None
            }
            _ => {
                let message = format!(
                    "expected NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert, got \"{text}\""
                );
                self.refuse(node.place, path, message);
                ClientAuth::None
            }
        }
    }

    fn version(&mut self, path: &str, node: &Node) -> Option<u8> {
        let text = self.text(path, node)?;
        match text.as_str() {
            "TLS12" => Some(12),
            "TLS13" => Some(13),
            "TLS10" | "TLS11" => {
                self.refuse(
                    node.place,
                    path,
                    format!("{text} is broken and not spoken here; use TLS12 or TLS13"),
                );
                None
            }
            _ => {
                self.refuse(node.place, path, format!("expected TLS12 or TLS13, got \"{text}\""));
                None
            }
        }
    }

    fn http(&mut self, node: &Node) -> Vec<(HeaderName, HeaderValue)> {
        const SECTION: &str = "http_server_config";
        let mut headers = Vec::new();
        for (name, place, node) in self.section(SECTION, node) {
            let path = format!("{SECTION}.{name}");
            match name.as_str() {
                "http2" => {
                    // Clients that would like it fall back by themselves.
                    if self.switch(&path, node) == Some(true) {
                        self.warnings.push(format!("{path} has no effect: only HTTP/1.1 is spoken here"));
                    }
                }
                "headers" => {
                    for (name, place, node) in self.section(&path, node) {
                        let path = format!("{path}.{name}");
                        if !HEADERS.contains(&name.as_str()) {
                            self.unknown(*place, &format!("{SECTION}.headers"), name, &HEADERS);
                            continue;
                        }
                        let Some(text) = self.text(&path, node) else { continue };
                        match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(&text)) {
                            (Ok(name), Ok(value)) => headers.push((name, value)),
                            _ => self.refuse(node.place, &path, "expected text that fits into a header"),
                        }
                    }
                }
                _ => self.unknown(*place, SECTION, name, &["http2", "headers"]),
            }
        }
        headers
    }

    fn users(&mut self, node: &Node) -> Vec<(String, String)> {
        const SECTION: &str = "basic_auth_users";
        let mut users = Vec::new();
        for (name, place, node) in self.section(SECTION, node) {
            let path = format!("{SECTION}.{name}");
            let Some(hash) = self.text(&path, node) else { continue };
            if name.contains(':') {
                self.refuse(*place, &path, "a user name for basic auth has no colon");
            } else if hash.parse::<bcrypt::HashParts>().is_err() {
                // Not quoted: it may be a password.
                self.refuse(node.place, &path, "expected a bcrypt hash, as htpasswd -nB prints it");
            } else {
                users.push((name.clone(), hash));
            }
        }
        users
    }

    /// The entries of a section; none of what is not one, with an error.
    fn section<'a>(&mut self, path: &str, node: &'a Node) -> &'a [(String, Place, Node)] {
        if let Some(tag) = &node.tag {
            self.refuse(node.place, path, format!("takes no YAML tag, got {tag}"));
        }
        let entries = match &node.value {
            Value::Section(entries) => entries.as_slice(),
            Value::Nothing => &[],
            Value::Text(_) | Value::List(_) => {
                self.refuse(node.place, path, "expected a section");
                &[]
            }
        };
        for (index, (name, place, _)) in entries.iter().enumerate() {
            if let Some((_, first, _)) = entries[..index].iter().find(|(before, ..)| before == name) {
                let line = first.line;
                self.refuse(*place, name, format!("stands here again, first in line {line}"));
            }
        }
        entries
    }

    fn text(&mut self, path: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Nothing => Some(String::new()),
            Value::List(_) | Value::Section(_) => {
                self.refuse(node.place, path, "expected a text");
                None
            }
        }
    }

    fn file(&mut self, path: &str, node: &Node) -> Option<Pem> {
        let text = self.text(path, node)?;
        if text.is_empty() {
            self.refuse(node.place, path, "expected the path of a file");
            return None;
        }
        Some(Pem::File(self.folder.join(text)))
    }

    fn switch(&mut self, path: &str, node: &Node) -> Option<bool> {
        let text = self.text(path, node)?;
        super::quantity::switch(&text).map_err(|message| self.refuse(node.place, path, message)).ok()
    }

    fn list(&mut self, path: &str, node: &Node, check: impl Fn(&str) -> Result<(), String>) -> Vec<String> {
        let Value::List(items) = &node.value else {
            if !matches!(node.value, Value::Nothing) {
                self.refuse(node.place, path, "expected a list");
            }
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            let Some(text) = self.text(path, item) else { continue };
            match check(&text) {
                Ok(()) => texts.push(text),
                Err(message) => self.refuse(item.place, path, message),
            }
        }
        texts
    }

    /// Sets what may be given in two ways, but not in both.
    fn once(
        &mut self,
        place: Place,
        path: &str,
        slot: &mut Option<Pem>,
        read: impl FnOnce(&mut Self) -> Option<Pem>,
    ) {
        if slot.is_some() {
            self.refuse(place, path, "is given twice, as a file and as text");
        }
        *slot = read(self);
    }

    fn unknown(&mut self, place: Place, section: &str, name: &str, known: &[&str]) {
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        let near = load::nearest(name, known.iter().copied());
        let hint = near.map_or_else(
            || format!("known here: {}", known.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        self.refuse(place, &path, format!("unknown key, {hint}"));
    }
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            // It may be a key.
            Self::Text(_) => formatter.write_str("(redacted)"),
        }
    }
}
