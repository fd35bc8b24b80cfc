//! Section `slurm`: which slurmrestd is asked, as whom, and how long it may take.
//! The token itself is read by `source::auth`; here is only where it comes from.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::{CircuitBreaker, Connections, Key, Kind, RateLimit, Scheme, Tls, Token, quantity};
use crate::model::Endpoint;
use crate::wire;

#[derive(Clone, Debug, PartialEq)]
pub struct Slurm {
    /// The value of the label `cluster`; otherwise Slurm's own answer gives it.
    pub name: Option<String>,
    /// What brings the answers; the rest of what is here concerns [`Kind::Rest`] where it does not say otherwise.
    pub source: Kind,
    /// `http` or `https`, with a host, without user, query and fragment, or `unix` with a path; `load` refuses a
    /// configuration that does not set it.
    pub url: Url,
    /// One of `wire::SUPPORTED`; negotiated when it is not pinned. For every source.
    pub api_version: Option<&'static str>,
    pub auth: Auth,
    pub allow_insecure_token: bool,
    pub tls: Tls,
    /// The only proxy that is used.
    pub proxy_url: Option<Url>,
    /// What stands in front of every command of [`Kind::Command`].
    pub command_prefix: Vec<String>,
    /// The folder of [`Kind::Recorded`]; `load` refuses it without one.
    pub recording: Option<PathBuf>,
    /// Not above `request_timeout`.
    pub connect_timeout: Duration,
    /// For every endpoint, also of commands; otherwise each has its own (see [`Slurm::timeout`]).
    pub request_timeout: Option<Duration>,
    /// For every endpoint of all clusters, after `request_timeout`.
    pub poll_timeout: Option<Duration>,
    /// For one endpoint, before `request_timeout`.
    pub timeouts: [Option<Duration>; Endpoint::ALL.len()],
    /// Requests under way at once, over all endpoints; at least 1.
    pub max_in_flight: usize,
    /// The longest answer that is read, whatever brings it.
    pub max_body_bytes: u64,
    /// The most memory that answers which are read at one time may take when they are decoded.
    pub max_reading_bytes: usize,
    /// Whether the names and priorities of jobs are kept.
    pub job_details: bool,
    pub connections: Connections,
    pub circuit_breaker: CircuitBreaker,
    pub rate_limit: RateLimit,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Auth {
    /// Otherwise the token's `sun` claim.
    pub user: Option<String>,
    pub token: TokenSource,
    pub scheme: Scheme,
}

/// Where the token comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TokenSource {
    /// Nothing is sent. `load` allows it for a slurmrestd on this host only.
    #[default]
    None,
    /// Read again for every poll.
    File(PathBuf),
    /// Printed by this program, which is run again before its end and after a refusal; never empty.
    Command(Vec<String>),
    /// From `SLURM_JWT`; stays as it is.
    Given(Token),
}

impl Default for Slurm {
    fn default() -> Self {
        Self {
            name: None,
            source: Kind::default(),
            url: Url::parse("http://127.0.0.1:6820").expect("a constant that is a URL"),
            api_version: None,
            auth: Auth::default(),
            allow_insecure_token: false,
            tls: Tls::default(),
            proxy_url: None,
            command_prefix: Vec::new(),
            recording: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: None,
            poll_timeout: None,
            timeouts: [None; Endpoint::ALL.len()],
            // slurmrestd has few workers, and each request holds one till its end.
            max_in_flight: 2,
            max_body_bytes: 4 << 30,
            max_reading_bytes: 32 << 20,
            job_details: false,
            connections: Connections::default(),
            circuit_breaker: CircuitBreaker::default(),
            rate_limit: RateLimit::default(),
        }
    }
}

impl Slurm {
    /// Requests under way at once: each has a connection.
    pub fn in_flight(&self) -> usize {
        self.connections.max.unwrap_or(usize::MAX).min(self.max_in_flight)
    }

    /// How long one request to this endpoint may take from its start to its last byte. slurmrestd builds an answer
    /// whole before its first byte, so that a time-out for the first byte would be the same thing.
    pub fn timeout(&self, endpoint: Endpoint) -> Duration {
        self.timeouts[endpoint as usize].or(self.request_timeout).or(self.poll_timeout).unwrap_or(
            match endpoint {
                Endpoint::Jobs | Endpoint::Accounting => Duration::from_secs(300),
                _ => Duration::from_secs(60),
            },
        )
    }

    /// Whether the answers come from the same place as those of another section.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |slurm: &Self| {
            (slurm.source, slurm.url.clone(), slurm.command_prefix.clone(), slurm.recording.clone())
        };
        place(self) == place(other)
    }

    /// The Unix socket that the URL names, if it does.
    pub fn socket(&self) -> Option<&Path> {
        (self.url.scheme() == "unix").then(|| Path::new(self.url.path()))
    }

    /// Whether the URL leads to this host, by address, as `localhost` or as a Unix socket.
    pub fn is_loopback(&self) -> bool {
        if self.socket().is_some() {
            return true;
        }
        let host = self.url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match address {
            Ok(IpAddr::V6(address)) => {
                address.is_loopback() || address.to_ipv4_mapped().is_some_and(|mapped| mapped.is_loopback())
            }
            Ok(IpAddr::V4(address)) => address.is_loopback(),
            Err(_) => host == "localhost",
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "slurm.url",
        flag: Some("slurm.url"),
        value: "URL",
        help: "base URL of slurmrestd, such as http://127.0.0.1:6820 or unix:/run/slurmrestd.sock",
        default: "",
        set: |config, text| {
            config.slurm.url = url(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.name",
        flag: Some("slurm.name"),
        value: "NAME",
        help: "value of the label \"cluster\" [default: what Slurm calls itself]",
        default: "",
        set: |config, text| {
            if text.is_empty() {
                return Err("expected a name; leave the key out to use Slurm's own".to_owned());
            }
            config.slurm.name = Some(text.to_owned());
            Ok(())
        },
    },
    Key {
        path: "slurm.api_version",
        flag: Some("slurm.api-version"),
        value: "VERSION",
        help: "auto (the newest that both sides know), or one such as v0.0.42",
        default: "auto",
        set: |config, text| {
            config.slurm.api_version = match (text, wire::by_version(text)) {
                ("auto", _) => None,
                (_, Some(api)) => Some(api.version),
                (_, None) => {
                    let known: Vec<_> = wire::SUPPORTED.iter().map(|api| api.version).collect();
                    return Err(format!("expected auto or one of {}, got \"{text}\"", known.join(", ")));
                }
            };
            Ok(())
        },
    },
    Key {
        path: "slurm.auth.user",
        flag: Some("slurm.user"),
        value: "NAME",
        help: "user of the token [default: the name in the token]",
        default: "",
        set: |config, text| {
            let fits = !text.is_empty() && HeaderValue::from_str(text).is_ok();
            config.slurm.auth.user = Some(text.to_owned()).filter(|_| fits);
            if fits { Ok(()) } else { Err(format!("expected a user name, got \"{}\"", text.escape_debug())) }
        },
    },
    Key {
        path: "slurm.auth.token_file",
        flag: Some("slurm.token-file"),
        value: "FILE",
        help: "file that holds the JWT, read again for every poll [default: SLURM_JWT]",
        default: "",
        set: |config, text| {
            config.slurm.auth.token = TokenSource::File(quantity::path(text)?);
            Ok(())
        },
    },
    Key {
        path: "slurm.auth.token_command",
        flag: None,
        value: "WORD,...",
        help: "program with its arguments that prints the JWT; it is run again before the token ends",
        default: "",
        set: |config, text| {
            let words: Vec<_> = quantity::list(text).map(str::to_owned).collect();
            if words.is_empty() {
                return Err("expected a program and its arguments".to_owned());
            }
            config.slurm.auth.token = TokenSource::Command(words);
            Ok(())
        },
    },
    Key {
        path: "slurm.allow_insecure_token",
        flag: Some("slurm.allow-insecure-token"),
        value: "true|false",
        help: "send the token over plain http to another host",
        default: "false",
        set: |config, text| {
            config.slurm.allow_insecure_token = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.connect_timeout",
        flag: None,
        value: "DURATION",
        help: "how long a connection may take; where it is not set, at most request_timeout",
        default: "10s",
        set: |config, text| {
            config.slurm.connect_timeout = quantity::some_time(text)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.request_timeout",
        flag: None,
        value: "DURATION",
        help: "how long a request may take; auto is 60s, and 300s for jobs",
        default: "auto",
        set: |config, text| {
            config.slurm.request_timeout = match text {
                "auto" => None,
                _ => Some(quantity::some_time(text)?),
            };
            Ok(())
        },
    },
    Key {
        path: "slurm.max_in_flight",
        flag: None,
        value: "COUNT",
        help: "requests under way at once, over all endpoints",
        default: "2",
        set: |config, text| {
            config.slurm.max_in_flight = quantity::count(text, 1..=64)?;
            Ok(())
        },
    },
    Key {
        path: "slurm.max_body_bytes",
        flag: None,
        value: "SIZE",
        help: "the longest answer that is read",
        default: "4GiB",
        set: |config, text| {
            let size = quantity::size(text)?;
            if size < 64 << 10 {
                return Err(format!("expected a size of at least 64KiB, got \"{text}\""));
            }
            config.slurm.max_body_bytes = size;
            Ok(())
        },
    },
    Key {
        path: "slurm.max_reading_bytes",
        flag: None,
        value: "SIZE",
        help: "the most memory for the rows and names of answers that are read at one time (100,000 jobs take about 16MiB)",
        default: "32MiB",
        set: |config, text| {
            let size = quantity::size(text)?;
            config.slurm.max_reading_bytes = usize::try_from(size)
                .ok()
                .filter(|size| *size >= 1 << 20)
                .ok_or_else(|| format!("expected a size of at least 1MiB, got \"{text}\""))?;
            Ok(())
        },
    },
];

fn url(text: &str) -> Result<Url, String> {
    // The text is not quoted where it may hold a password.
    let url =
        Url::parse(text).map_err(|error| format!("expected a URL such as http://127.0.0.1:6820: {error}"))?;
    if url.scheme() == "unix" {
        return match url.has_host() || !url.path().starts_with('/') || url.path().ends_with('/') {
            true => Err(format!(
                "expected the path of a socket, such as unix:/run/slurmrestd.sock, got \"{text}\""
            )),
            false => Ok(url),
        };
    }
    if !url.username().is_empty() || url.password().is_some() {
        Err("expected a URL without user and password; slurmrestd takes a token".to_owned())
    } else if !matches!(url.scheme(), "http" | "https") {
        Err(format!("expected a URL that starts with http://, https:// or unix:, got \"{text}\""))
    } else if url.query().is_some() || url.fragment().is_some() {
        Err(format!("expected a URL without query and fragment, got \"{text}\""))
    } else if url.path().split('/').any(|part| part == "slurm" || part == "slurmdb") {
        Err(format!("expected slurmrestd's base URL, without /slurm/..., got \"{text}\""))
    } else {
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_base_without_secrets() {
        assert!(url("https://head.example/restd/").is_ok());
        for (text, expected) in [
            ("127.0.0.1:6820", "expected a URL such as"),
            ("localhost:6820", "starts with http://, https:// or unix:"),
            ("ftp://a", "starts with http://, https:// or unix:"),
            ("http://alice:hunter2@a", "without user and password"),
            ("http://a/?x=1", "without query and fragment"),
            ("http://a:6820/slurm/v0.0.42", "base URL"),
            ("unix:slurmrestd.sock", "the path of a socket"),
            ("unix://head/run/slurmrestd.sock", "the path of a socket"),
        ] {
            let message = url(text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(!message.contains("hunter2"));
        }
    }

    #[test]
    fn a_socket_is_an_absolute_path() {
        for text in ["unix:/run/slurmrestd.sock", "unix:///run/slurmrestd.sock"] {
            let slurm = Slurm { url: url(text).unwrap(), ..Slurm::default() };
            assert_eq!(slurm.socket(), Some(Path::new("/run/slurmrestd.sock")));
        }
        assert_eq!(Slurm::default().socket(), None);
    }

    #[test]
    fn loopback_is_this_host_only() {
        for (text, loopback) in [
            ("http://127.0.0.1:6820", true),
            ("http://127.8.9.10", true),
            ("http://localhost:6820", true),
            ("http://[::1]:6820", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("unix:/run/slurmrestd.sock", true),
            ("http://localhost.example.org", false),
            ("http://127.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            let slurm = Slurm { url: Url::parse(text).unwrap(), ..Slurm::default() };
            assert_eq!(slurm.is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn jobs_may_take_longer_unless_it_is_set() {
        let mut slurm = Slurm::default();
        assert_eq!(slurm.timeout(Endpoint::Jobs), Duration::from_secs(300));
        assert_eq!(slurm.timeout(Endpoint::Nodes), Duration::from_secs(60));
        slurm.poll_timeout = Some(Duration::from_secs(90));
        assert_eq!(slurm.timeout(Endpoint::Jobs), Duration::from_secs(90));
        slurm.request_timeout = Some(Duration::from_secs(7));
        assert_eq!(slurm.timeout(Endpoint::Jobs), Duration::from_secs(7));
        slurm.timeouts[Endpoint::Jobs as usize] = Some(Duration::from_secs(120));
        assert_eq!(slurm.timeout(Endpoint::Jobs), Duration::from_secs(120));
        assert_eq!(slurm.timeout(Endpoint::Nodes), Duration::from_secs(7));
    }
}
