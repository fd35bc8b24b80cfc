//! From what was seen of a cluster to findings in plain words. Pure: nothing is asked here.
//! Each finding about something wrong says what to do about it.

use std::time::{Duration, UNIX_EPOCH};

use super::span::span;
use super::{Circumstances, Finding, Mark, Seen};
use crate::config::{Kind, TokenSource};
use crate::model::endpoint::Daemon;
use crate::model::{Controller, Endpoint, Reading, Visible};
use crate::source::ErrorClass;

/// Clocks may differ by so much, and by the time that the answer took: Slurm's is told in whole seconds.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// A token that cannot be replaced while the exporter runs is to last longer than this.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// All findings, in the order in which one would look. What is wrong with the way to Slurm hides the rest.
pub(super) fn judge(about: &Circumstances<'_>, seen: &[Seen]) -> Vec<Finding> {
    let mut findings = vec![connection(about, seen)];
    for way in [version(seen), token(about, seen)] {
        if findings.iter().all(|finding| finding.mark != Mark::Wrong) {
            findings.extend(way);
        }
    }
    if findings.iter().all(|finding| finding.mark != Mark::Wrong) {
        findings.extend(controllers(seen));
        findings.extend(clock(about, seen));
        findings.extend(endpoints(about, seen));
        findings.extend(hidden_jobs(seen));
    }
    findings
}

fn well(subject: &'static str, text: impl Into<String>) -> Finding {
    Finding { mark: Mark::Well, subject, text: text.into() }
}

fn note(subject: &'static str, text: impl Into<String>) -> Finding {
    Finding { mark: Mark::Note, subject, text: text.into() }
}

fn wrong(subject: &'static str, text: impl Into<String>) -> Finding {
    Finding { mark: Mark::Wrong, subject, text: text.into() }
}

fn of(seen: &[Seen], endpoint: Endpoint) -> Option<&Seen> {
    seen.iter().find(|seen| seen.endpoint == endpoint)
}

fn reading(seen: &[Seen], endpoint: Endpoint) -> Option<&Reading> {
    of(seen, endpoint)?.outcome.as_ref().ok().map(|answer| &answer.reading)
}

/// Whether anything answers, and speaks HTTP.
fn connection(about: &Circumstances<'_>, seen: &[Seen]) -> Finding {
    let Some(ping) = of(seen, Endpoint::Ping) else {
        return wrong("connection", "nothing was asked");
    };
    let remedy = match (about.slurm.source, ping.class()) {
        (Kind::Rest, Some(ErrorClass::Connect)) => {
            "check that slurmrestd listens there and that this host may connect"
        }
        (Kind::Rest, Some(ErrorClass::Timeout)) => {
            "something accepts connections there, but is no slurmrestd or hangs"
        }
        (Kind::Command, Some(ErrorClass::Connect)) => {
            "check that Slurm's commands are there and that slurmctld runs"
        }
        (Kind::Command, Some(ErrorClass::Timeout)) => "check that slurmctld can be reached",
        _ => return well("connection", format!("answered in {}", span(ping.took))),
    };
    wrong("connection", format!("{}; {remedy}", said(ping)))
}

fn version(seen: &[Seen]) -> Option<Finding> {
    let answered = seen.iter().find_map(|seen| seen.outcome.as_ref().ok());
    if let Some(answer) = answered {
        let release = &answer.release;
        let slurm = match release.slurm_version.as_str() {
            "" => "Slurm (it does not tell its version)",
            version => &format!("Slurm {version}"),
        };
        return Some(well("version", format!("{slurm}, API {}", release.api_version)));
    }
    let ping = of(seen, Endpoint::Ping)?;
    match ping.class()? {
        // Refused before it was asked for anything that tells.
        ErrorClass::Auth => None,
        _ => Some(wrong("version", format!("{}; is the URL slurmrestd's own, without a path?", said(ping)))),
    }
}

/// Whether slurmctld takes the token. A ping does not tell: 24.11 answers it to everybody.
fn token(about: &Circumstances<'_>, seen: &[Seen]) -> Option<Finding> {
    if about.slurm.source != Kind::Rest {
        return None;
    }
    let asked = seen
        .iter()
        .filter(|seen| seen.endpoint != Endpoint::Ping && seen.endpoint.daemon() == Daemon::Slurmctld);
    let refused = asked.clone().find(|seen| seen.class() == Some(ErrorClass::Auth));
    let is_taken = asked.clone().any(|seen| seen.outcome.is_ok());
    if let Some(refused) = refused.filter(|_| !is_taken) {
        return Some(wrong("token", format!("{}; {}", said(refused), remedy_for_token(about))));
    }
    if !about.sends_token() {
        return Some(note(
            "token",
            "none is sent, and slurmrestd asks for none: whoever reaches it may do as its user",
        ));
    }
    if !is_taken {
        return Some(note("token", "no answer tells whether it is taken"));
    }
    let user = about.user.as_deref().map(|user| format!(" for {user}")).unwrap_or_default();
    let Some(left) = left(about) else {
        return Some(well("token", format!("taken{user}; it does not say when it ends")));
    };
    let text = format!("taken{user}; it ends in {}", span(left));
    Some(match &about.slurm.auth.token {
        TokenSource::Given(_) if left < SOON => note(
            "token",
            format!("{text}, and SLURM_JWT cannot be replaced while the exporter runs: use a file"),
        ),
        _ => well("token", text),
    })
}

fn remedy_for_token(about: &Circumstances<'_>) -> String {
    let key = "slurm.auth.token_file";
    if !about.sends_token() {
        return format!("no token is sent: write one with \"scontrol token\" to a file and name it in {key}");
    }
    let ended =
        about.expiry.and_then(|at| about.now.duration_since(UNIX_EPOCH + Duration::from_secs(at)).ok());
    let user = about.user.as_deref().unwrap_or("USER");
    let again = format!("make another one: scontrol token username={user} lifespan=SECONDS");
    match ended {
        Some(ended) => format!("the token ended {} ago; {again}", span(ended)),
        None => format!(
            "the token has not ended by this host's clock: its user may be unknown to Slurm, or slurmctld has another \
             key; {again}"
        ),
    }
}

fn left(about: &Circumstances<'_>) -> Option<Duration> {
    (UNIX_EPOCH + Duration::from_secs(about.expiry?)).duration_since(about.now).ok()
}

fn controllers(seen: &[Seen]) -> Option<Finding> {
    let Some(Reading::Ping(controllers)) = reading(seen, Endpoint::Ping) else { return None };
    let (up, down): (Vec<_>, Vec<_>) = controllers.rows.iter().partition(|row| row.up);
    let names = |rows: &[&Controller]| {
        let names: Vec<_> = rows.iter().map(|row| format!("{} ({})", row.hostname, row.role)).collect();
        names.join(", ")
    };
    Some(match (up.is_empty(), down.is_empty()) {
        (false, true) => well("controller", format!("{} answers", names(&up))),
        (false, false) => wrong(
            "controller",
            format!("{} answers, {} does not; start its slurmctld", names(&up), names(&down)),
        ),
        (true, _) => wrong(
            "controller",
            format!(
                "no slurmctld answers slurmrestd: {}; where the token is refused, see there",
                names(&down)
            ),
        ),
    })
}

fn clock(about: &Circumstances<'_>, seen: &[Seen]) -> Option<Finding> {
    // A recording's clock stands still.
    if about.slurm.source == Kind::Recorded {
        return None;
    }
    let Some(Reading::Diag(diag)) = reading(seen, Endpoint::Diag) else { return None };
    let asked = of(seen, Endpoint::Diag)?;
    let theirs = UNIX_EPOCH + Duration::from_secs(u64::from(diag.taken_at.get()?));
    let (behind, apart) = match theirs.duration_since(asked.asked_at) {
        Ok(apart) => (true, apart),
        Err(error) => (false, error.duration()),
    };
    if apart <= CLOCK_TOLERANCE + asked.took {
        return Some(well("clock", "slurmctld's and this host's agree"));
    }
    let side = if behind { "behind" } else { "ahead of" };
    Some(wrong(
        "clock",
        format!(
            "this host's is {} {side} slurmctld's: tokens end too early or too late and ages are wrong; set both by NTP",
            span(apart)
        ),
    ))
}

/// What can be read and what cannot, where the token was not refused altogether.
fn endpoints(about: &Circumstances<'_>, seen: &[Seen]) -> Vec<Finding> {
    let mut read = Vec::new();
    let mut absent = Vec::new();
    let mut findings = Vec::new();
    for seen in seen {
        match &seen.outcome {
            Ok(answer) => read.push(format!("{} ({} in {})", seen.endpoint, answer.rows, span(seen.took))),
            Err(error) if error.not_served => absent.push(seen.endpoint.name()),
            Err(error) => {
                let text = match error.class {
                    ErrorClass::Auth => {
                        format!("{}; {}", said(seen), remedy_for_rights(about, seen.endpoint))
                    }
                    ErrorClass::Timeout => {
                        format!("{}; raise slurm.request_timeout, or look at slurmctld's load", said(seen))
                    }
                    ErrorClass::TooLarge => said(seen),
                    ErrorClass::Decode => format!(
                        "{}; please send us a recording: slurm-exporter record --anonymise --out DIR",
                        said(seen)
                    ),
                    ErrorClass::Partial => format!("{}; what came with the errors is used", said(seen)),
                    ErrorClass::Connect | ErrorClass::HttpStatus => said(seen),
                };
                findings.push(wrong("answers", text));
            }
        }
    }
    if !absent.is_empty() {
        findings.insert(0, note("answers", format!("this Slurm has no {}", absent.join(", "))));
    }
    if !read.is_empty() {
        findings.insert(0, well("answers", read.join(", ")));
    }
    findings
}

fn remedy_for_rights(about: &Circumstances<'_>, endpoint: Endpoint) -> String {
    let user = about.user.as_deref().unwrap_or("the user");
    match endpoint.daemon() {
        Daemon::Slurmctld => format!("{user} may not read it; see the token"),
        Daemon::Slurmdbd => {
            format!("{user} may not read it: sacctmgr modify user {user} set adminlevel=operator")
        }
    }
}

/// What Slurm keeps from whoever is no operator.
fn hidden_jobs(seen: &[Seen]) -> Option<Finding> {
    let Some(Reading::Jobs(jobs)) = reading(seen, Endpoint::Jobs) else { return None };
    let Some(Reading::Diag(diag)) = reading(seen, Endpoint::Diag) else { return None };
    let visible = Visible::of(jobs, diag)?;
    let Visible { counted, shown } = visible;
    visible.is_partial().then(|| {
        wrong(
            "rights",
            format!(
                "Slurm counts {counted} pending and running jobs, and shows {shown}: PrivateData hides the others from \
                 whoever is no operator; sacctmgr modify user NAME set adminlevel=operator"
            ),
        )
    })
}

/// The words of a failure.
fn said(seen: &Seen) -> String {
    match &seen.outcome {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}
