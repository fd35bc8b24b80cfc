//! Section `server`: where the exporter listens, and what it puts up with.
//! Nothing here concerns slurmrestd.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::{Key, quantity};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub listen: SocketAddr,
    /// Profiles, the log level and reloads; none when it is off.
    pub admin_listen: Option<SocketAddr>,
    /// Starts with a slash.
    pub metrics_path: String,
    /// TLS and users, in the format of the exporter-toolkit.
    pub web_config_file: Option<PathBuf>,
    /// How often the content of the configuration file is compared; never when it is zero.
    pub reload_interval: Duration,
    pub limits: Limits,
}

/// What one client, or many, may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At least 1.
    pub max_connections: usize,
    /// From the connection's start, or the answer before, to a complete request.
    pub header_timeout: Duration,
    /// How long a client may take to read nothing of its answer.
    pub write_timeout: Duration,
    /// At least [`Limits::LEAST_HEADER_BYTES`].
    pub max_header_bytes: usize,
}

impl Limits {
    /// hyper's own lower bound for its buffer.
    pub const LEAST_HEADER_BYTES: usize = 8192;
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9341)),
            admin_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 6060))),
            metrics_path: "/metrics".to_owned(),
            web_config_file: None,
            reload_interval: Duration::from_secs(10),
            limits: Limits {
                max_connections: 64,
                header_timeout: Duration::from_secs(5),
                write_timeout: Duration::from_secs(30),
                max_header_bytes: 16 << 10,
            },
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "server.listen",
        flag: Some("server.listen"),
        value: "ADDRESS:PORT",
        help: "where /metrics is served",
        default: "0.0.0.0:9341",
        set: |config, text| {
            config.server.listen = listen(text)?;
            Ok(())
        },
    },
    Key {
        path: "server.metrics_path",
        flag: None,
        value: "PATH",
        help: "the path of the metrics page",
        default: "/metrics",
        set: |config, text| {
            config.server.metrics_path = metrics_path(text)?;
            Ok(())
        },
    },
    Key {
        path: "server.admin_listen",
        flag: Some("server.admin-listen"),
        value: "ADDRESS:PORT",
        help: "where profiles, the log level and reloads are asked for; empty or off for nowhere",
        default: "127.0.0.1:6060",
        set: |config, text| {
            config.server.admin_listen = match text {
                "" | "off" => None,
                _ => Some(listen(text)?),
            };
            Ok(())
        },
    },
    Key {
        path: "server.web_config_file",
        flag: Some("web.config.file"),
        value: "FILE",
        help: "TLS, client certificates, users and headers, in the format of Prometheus' exporter-toolkit",
        default: "",
        set: |config, text| {
            config.server.web_config_file = Some(PathBuf::from(text)).filter(|_| !text.is_empty());
            Ok(())
        },
    },
    Key {
        path: "server.reload_interval",
        flag: None,
        value: "DURATION",
        help: "how often the configuration file is looked at for changes; 0s for never",
        default: "10s",
        set: |config, text| {
            config.server.reload_interval = quantity::duration(text)?;
            Ok(())
        },
    },
    Key {
        path: "server.limits.max_connections",
        flag: None,
        value: "COUNT",
        help: "clients at once",
        default: "64",
        set: |config, text| {
            config.server.limits.max_connections = text
                .parse()
                .ok()
                .filter(|count| (1..=65_536).contains(count))
                .ok_or_else(|| format!("expected a number from 1 to 65536, got \"{text}\""))?;
            Ok(())
        },
    },
    Key {
        path: "server.limits.header_timeout",
        flag: None,
        value: "DURATION",
        help: "how long a client may take to send its request",
        default: "5s",
        set: |config, text| {
            config.server.limits.header_timeout = quantity::some_time(text)?;
            Ok(())
        },
    },
    Key {
        path: "server.limits.write_timeout",
        flag: None,
        value: "DURATION",
        help: "how long a client may stop reading its answer",
        default: "30s",
        set: |config, text| {
            config.server.limits.write_timeout = quantity::some_time(text)?;
            Ok(())
        },
    },
    Key {
        path: "server.limits.max_header_bytes",
        flag: None,
        value: "SIZE",
        help: "the longest request head that is read",
        default: "16KiB",
        set: |config, text| {
            let size = usize::try_from(quantity::size(text)?).unwrap_or(usize::MAX);
            if !(Limits::LEAST_HEADER_BYTES..=1 << 20).contains(&size) {
                return Err(format!("expected a size from 8KiB to 1MiB, got \"{text}\""));
            }
            config.server.limits.max_header_bytes = size;
            Ok(())
        },
    },
];

/// `IP:PORT`, or `:PORT` for every IPv4 address.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port_alone = text.strip_prefix(':').and_then(|port| port.parse().ok());
    match port_alone {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        None => text.parse().map_err(|_| {
            format!("expected an address and a port such as 0.0.0.0:9341 or [::1]:9341, got \"{text}\"")
        }),
    }
}

fn metrics_path(text: &str) -> Result<String, String> {
    /// Paths that have another meaning.
    const TAKEN: [&str; 4] = ["/", "/config", "/health", "/ready"];
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
    if !text.starts_with('/') || text.starts_with("//") || !plain {
        Err(format!("expected a path such as /metrics, got \"{text}\""))
    } else if TAKEN.contains(&text) || text.starts_with("/-/") {
        Err(format!("{text} is served as something else, choose another path"))
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_listens_on_every_address() {
        assert_eq!(listen(":9341"), listen("0.0.0.0:9341"));
        assert_eq!(listen("[::1]:9341").unwrap().to_string(), "[::1]:9341");
        for text in ["9341", "localhost:9341", "0.0.0.0", "0.0.0.0:99999", ":"] {
            assert!(listen(text).unwrap_err().contains("expected an address and a port"), "{text}");
        }
    }

    #[test]
    fn the_metrics_page_takes_no_other_page_s_path() {
        assert!(metrics_path("/slurm/metrics").is_ok());
        for text in ["metrics", "/", "/health", "/-/ready", "/a b", "//x", "/a?b"] {
            assert!(metrics_path(text).is_err(), "{text}");
        }
    }
}
