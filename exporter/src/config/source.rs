//! The keys of section `slurm` that say what brings the answers: slurmrestd and the way to it, commands, or a recording.
//! What slurmrestd is asked, and as whom, stands in `slurm`.

use std::path::PathBuf;

use reqwest::Url;

use super::{Key, quantity};

/// What brings the answers of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// slurmrestd.
    #[default]
    Rest,
    /// Slurm's own commands.
    Command,
    /// A folder that `slurm-exporter record` has written.
    Recorded,
}

/// How the token is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `X-SLURM-USER-TOKEN`, beside `X-SLURM-USER-NAME`.
    #[default]
    Slurm,
    /// `Authorization: Bearer`, which slurmrestd knows from 24.11 on, and many gateways do.
    Bearer,
}

/// Files in PEM; the certificate and its key stand together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Command => "command",
            Self::Recorded => "recorded",
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "slurm.source",
        flag: Some("slurm.source"),
        value: "rest|command|recorded",
        help: "ask slurmrestd, run Slurm's commands, or read a recording",
        default: "rest",
        set: |config, text| {
            let kinds = [Kind::Rest, Kind::Command, Kind::Recorded];
            let found = kinds.into_iter().find(|kind| kind.name() == text);
            config.slurm.source =
                found.ok_or_else(|| format!("expected rest, command or recorded, got \"{text}\""))?;
            Ok(())
        },
    },
    Key {
        path: "slurm.auth.scheme",
        flag: None,
        value: "slurm|bearer",
        help: "send the token in Slurm's own headers, or as Authorization: Bearer (24.11 and later)",
        default: "slurm",
        set: |config, text| {
            config.slurm.auth.scheme = match text {
                "slurm" => Scheme::Slurm,
                "bearer" => Scheme::Bearer,
                _ => return Err(format!("expected slurm or bearer, got \"{text}\"")),
            };
            Ok(())
        },
    },
    Key {
        path: "slurm.tls.ca_file",
        flag: None,
        value: "FILE",
        help: "certificates of authorities to trust beside the system's",
        default: "",
        set: |config, text| {
            config.slurm.tls.ca_file = Some(quantity::path(text)?);
            Ok(())
        },
    },
    Key {
        path: "slurm.tls.cert_file",
        flag: None,
        value: "FILE",
        help: "certificate to show to the server",
        default: "",
        set: |config, text| {
            config.slurm.tls.cert_file = Some(quantity::path(text)?);
            Ok(())
        },
    },
    Key {
        path: "slurm.tls.key_file",
        flag: None,
        value: "FILE",
        help: "private key of that certificate",
        default: "",
        set: |config, text| {
            config.slurm.tls.key_file = Some(quantity::path(text)?);
            Ok(())
        },
    },
    Key {
        path: "slurm.proxy_url",
        flag: None,
        value: "URL",
        help: "proxy to go through; those of the environment are ignored",
        default: "",
        set: |config, text| {
            config.slurm.proxy_url = Some(proxy(text)?);
            Ok(())
        },
    },
    Key {
        path: "slurm.command.prefix",
        flag: None,
        value: "WORD,...",
        help: "words in front of every command, such as [ssh, head]",
        default: "",
        set: |config, text| {
            config.slurm.command_prefix = quantity::list(text).map(str::to_owned).collect();
            Ok(())
        },
    },
    Key {
        path: "slurm.recorded.directory",
        flag: Some("slurm.recorded-directory"),
        value: "DIR",
        help: "folder with the recording",
        default: "",
        set: |config, text| {
            config.slurm.recording = Some(quantity::path(text)?);
            Ok(())
        },
    },
];

fn proxy(text: &str) -> Result<Url, String> {
    // The text is not quoted: it may hold a password.
    let url = Url::parse(text)
        .map_err(|error| format!("expected a URL such as http://proxy.example:3128: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err("expected a URL that starts with http:// or https://".to_owned()),
    }
}
