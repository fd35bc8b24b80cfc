//! Every fault of the simulator and what is promised of it: the class that it is counted in, or that nothing happens.
//! How a case is run is in `stack`.

use mock_slurmrestd::http::{Fault, FaultKind};

use crate::page::Samples;

/// One fault and its promise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// As `--fault` takes it.
    fault: &'static str,
    place: Place,
    pub(super) promise: Promise,
}

/// Which endpoints answer badly.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// All of them, as when the server itself is in trouble.
    Everywhere,
    /// These, and the others go on.
    At(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Promise {
    /// Polls fail, are counted in one of these classes, and the data is withdrawn when it is too old.
    Fails(&'static [&'static str]),
    /// Polls are counted as `partial`, and what came along is served.
    Partial,
    /// No poll fails and no total moves; the page may say something besides.
    GoesOn(Told),
    /// No poll fails, and the page says that there is nothing.
    IsEmpty,
}

/// What the page says besides, with what it said before.
type Told = fn(&Samples, &Samples) -> bool;

/// The endpoints whose rows are changed, and that are looked at when all are struck.
const STRUCK: &[&str] = &["nodes", "jobs"];

const NOTHING: Promise = Promise::GoesOn(|_, _| true);

/// Whether the limit comes first or the time-out depends on the speed of the machine.
const LIMITS: &[&str] = &["timeout", "too_large"];

const fn everywhere(fault: &'static str, promise: Promise) -> Case {
    Case { fault, place: Place::Everywhere, promise }
}

const fn rows(fault: &'static str, promise: Promise) -> Case {
    Case { fault, place: Place::At(STRUCK), promise }
}

const fn at(endpoint: &'static [&'static str], fault: &'static str, promise: Promise) -> Case {
    Case { fault, place: Place::At(endpoint), promise }
}

use Promise::{Fails, GoesOn, IsEmpty, Partial};

pub(super) const CASES: &[Case] = &[
    everywhere("latency:ms=4000", Fails(&["timeout"])),
    everywhere("latency:ms=30,shape=lognormal,sigma=0.7", NOTHING),
    everywhere("latency:ms=20,shape=bimodal,slow_ms=300,slow_share=0.3", NOTHING),
    everywhere("jitter:ms=300", NOTHING),
    everywhere("stall-head", Fails(&["timeout"])),
    everywhere("stall-body", Fails(&["timeout"])),
    rows("drip", Fails(&["timeout"])),
    everywhere("reset", Fails(&["connect"])),
    everywhere("reset-body", Fails(&["connect"])),
    everywhere("truncate", Fails(&["connect"])),
    everywhere("truncate-json", Fails(&["decode"])),
    rows("endless", Fails(LIMITS)),
    rows("gzip-bomb", Fails(&["decode"])),
    everywhere("content-type", Fails(&["decode"])),
    everywhere("html", Fails(&["decode"])),
    everywhere("401", Fails(&["auth"])),
    everywhere("511", Fails(&["auth"])),
    everywhere("500", Fails(&["http_status"])),
    rows("500-data", Partial),
    everywhere("502:ms=300", Fails(&["http_status"])),
    // The ten seconds of a real one are more than the time-out of this matrix.
    everywhere("502", Fails(&["timeout"])),
    everywhere("503", Fails(&["http_status"])),
    everywhere("429", Fails(&["http_status"])),
    everywhere("404", Fails(&["http_status"])),
    rows("errors", Partial),
    rows("warnings", NOTHING),
    rows("empty", IsEmpty),
    // Each less than slurm.max_body_bytes, so that it is read and not refused for its Content-Length alone.
    rows("huge-body:mib=4000", Fails(LIMITS)),
    rows("huge-string:mib=4000", Fails(LIMITS)),
    rows("deep-nesting", Fails(&["decode", "timeout", "too_large"])),
    // More than slurm.max_body_bytes.
    rows("huge-body:mib=8192", Fails(&["too_large"])),
    rows("duplicate-keys", Fails(&["decode"])),
    rows("invalid-utf8", Fails(&["decode"])),
    rows("overflow", Fails(&["decode"])),
    rows("no-val", Fails(&["decode"])),
    rows("infinity", Fails(&["decode"])),
    rows("many-labels", Fails(LIMITS)),
    rows("field-renamed", Fails(&["decode"])),
    rows("field-added", NOTHING),
    rows("field-removed", Fails(&["decode"])),
    rows("field-retyped", Fails(&["decode"])),
    everywhere("token-expired", Fails(&["auth"])),
    everywhere("redirect", Fails(&["http_status"])),
    everywhere("clock-skew:seconds=-7200", GoesOn(|before, now| skew(now) - skew(before) < -7_100.0)),
    everywhere("slurmctld-down:ms=300", Fails(&["http_status"])),
    at(&["partitions"], "slurmdbd-down", Partial),
    at(
        &["ping"],
        "fail-over",
        GoesOn(|_, now| {
            let up = |controller| now.get("slurm_controller_up", &[("controller", controller)]);
            (up("slurmctl1"), up("slurmctl2")) == (Some(0.0), Some(1.0))
        }),
    ),
    everywhere(
        "upgrade:serve=v0.0.42..v0.0.44",
        GoesOn(|_, now| now.get("slurm_cluster_info", &[("api_version", "v0.0.44")]) == Some(1.0)),
    ),
];

fn skew(page: &Samples) -> f64 {
    page.get("slurm_exporter_clock_skew_seconds", &[]).unwrap_or(f64::NAN)
}

impl Case {
    pub(super) fn name(&self) -> &'static str {
        self.fault
    }

    pub(super) fn kind(&self) -> FaultKind {
        self.fault.parse::<Fault>().expect("the simulator has it").kind
    }

    /// As the control port takes them.
    pub(super) fn faults(&self) -> Vec<String> {
        match self.place {
            Place::Everywhere => vec![self.fault.to_owned()],
            Place::At(endpoints) => {
                let glue = if self.fault.contains(':') { ',' } else { ':' };
                endpoints.iter().map(|endpoint| format!("{}{glue}endpoint={endpoint}", self.fault)).collect()
            }
        }
    }

    /// The endpoints to look at.
    pub(super) fn struck(&self) -> &'static [&'static str] {
        match self.place {
            Place::Everywhere => STRUCK,
            Place::At(endpoints) => endpoints,
        }
    }

    /// The endpoints that must not notice.
    pub(super) fn spared(&self) -> impl Iterator<Item = &'static str> {
        let struck = match self.place {
            Place::Everywhere => None,
            Place::At(endpoints) => Some(endpoints),
        };
        let all = ["ping", "diag", "job_states", "nodes", "partitions", "jobs"];
        all.into_iter().filter(move |name| struck.is_some_and(|struck| !struck.contains(name)))
    }
}

#[test]
fn every_fault_of_the_simulator_has_a_case() {
    let kinds: std::collections::BTreeSet<_> = CASES.iter().map(Case::kind).collect();
    assert_eq!(kinds, FaultKind::ALL.into());
}
