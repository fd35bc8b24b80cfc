//! Trouble on demand: which faults exist, when they strike, and how often they did.
//! Not here: what the answer to a struck request looks like (answer.rs).
//!
//! A new fault is one variant of [`FaultKind`] with its word, its effect in service.rs and its test.

use crate::wire::Endpoint;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer comes later.
    Latency,
    /// 500, `Unspecified error`.
    InternalError,
    /// 502, as if slurmctld were down; `/ping` says DOWN instead.
    BadGateway,
    /// 511, as if the token were bad; `/ping` says not responding instead.
    AuthenticationRequired,
    /// The full Content-Length, half of the body, then the end of the connection.
    Truncate,
    /// The connection is reset before the first byte.
    Reset,
}

impl FaultKind {
    pub const ALL: [Self; 6] = [
        Self::Latency,
        Self::InternalError,
        Self::BadGateway,
        Self::AuthenticationRequired,
        Self::Truncate,
        Self::Reset,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::InternalError => "500",
            Self::BadGateway => "502",
            Self::AuthenticationRequired => "511",
            Self::Truncate => "truncate",
            Self::Reset => "reset",
        }
    }
}

/// One kind of trouble and the requests that it strikes.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    /// Delay before the effect; for `latency` it is the effect.
    pub delay: Duration,
    /// Only this endpoint; every one if `None`.
    pub endpoint: Option<Endpoint>,
    /// Strikes a matching request with this probability, 0 to 1.
    pub probability: f64,
    /// Strikes at most so many times.
    pub times: Option<u64>,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("fault {fault:?}: {trouble}")]
pub struct BadFault {
    fault: String,
    trouble: String,
}

impl Fault {
    /// A fault that strikes every request.
    pub fn always(kind: FaultKind) -> Self {
        Self { kind, delay: Duration::ZERO, endpoint: None, probability: 1.0, times: None }
    }

    /// Sets one of `ms`, `endpoint`, `probability`, `times`.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "ms" => {
                let ms = value.parse().map_err(|_| format!("ms={value}: expected whole milliseconds"))?;
                self.delay = Duration::from_millis(ms);
            }
            "endpoint" => self.endpoint = Some(value.parse().map_err(|error| format!("{error}"))?),
            "probability" => match value.parse::<f64>() {
                Ok(probability) if (0.0..=1.0).contains(&probability) => self.probability = probability,
                _ => return Err(format!("probability={value}: expected a number from 0 to 1")),
            },
            "times" => {
                self.times =
                    Some(value.parse().map_err(|_| format!("times={value}: expected a whole number"))?);
            }
            _ => return Err(format!("unknown key {key:?}, expected ms, endpoint, probability or times")),
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match self.kind {
            FaultKind::Latency if self.delay.is_zero() => {
                Err("latency needs ms, as in latency:ms=500".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn kind_of(word: &str) -> Result<FaultKind, String> {
        FaultKind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(|| {
            format!(
                "unknown kind {word:?}, expected one of {}",
                FaultKind::ALL.map(FaultKind::word).join(", ")
            )
        })
    }
}

/// `KIND[:key=value,...]`
impl FromStr for Fault {
    type Err = BadFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |trouble: String| BadFault { fault: text.to_owned(), trouble };
        let (kind, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut fault = Self::always(Self::kind_of(kind).map_err(bad)?);
        for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
            let (key, value) =
                setting.split_once('=').ok_or_else(|| bad(format!("{setting:?}: expected key=value")))?;
            fault.set(key, value).map_err(bad)?;
        }
        fault.check().map_err(bad)?;
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:ms={},probability={}", self.kind.word(), self.delay.as_millis(), self.probability)?;
        if let Some(endpoint) = self.endpoint {
            write!(f, ",endpoint={endpoint}")?;
        }
        if let Some(times) = self.times {
            write!(f, ",times={times}")?;
        }
        Ok(())
    }
}

/// What strikes one request: the sum of all delays, and the first effect beyond that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) delay: Duration,
    pub(super) effect: Option<FaultKind>,
}

/// The faults in force, each with its count.
#[derive(Debug)]
pub(super) struct Faults(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    faults: Vec<(Fault, u64)>,
    rng: ChaCha8Rng,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>, seed: u64) -> Self {
        let faults = faults.into_iter().map(|fault| (fault, 0)).collect();
        Self(Mutex::new(Inner { faults, rng: ChaCha8Rng::seed_from_u64(seed) }))
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces all faults; counts start again.
    pub(super) fn replace(&self, faults: Vec<Fault>) {
        self.inner().faults = faults.into_iter().map(|fault| (fault, 0)).collect();
    }

    /// Throws the dice for one request and counts what strikes it.
    pub(super) fn strike(&self, endpoint: Endpoint) -> Strike {
        let Inner { faults, rng } = &mut *self.inner();
        let mut strike = Strike::default();
        for (fault, count) in faults {
            let matches = fault.endpoint.is_none_or(|only| only == endpoint);
            let left = fault.times.is_none_or(|times| *count < times);
            let free = fault.kind == FaultKind::Latency || strike.effect.is_none();
            if matches && left && free && rng.random_bool(fault.probability) {
                *count += 1;
                strike.delay += fault.delay;
                if fault.kind != FaultKind::Latency {
                    strike.effect = Some(fault.kind);
                }
            }
        }
        strike
    }

    /// Each fault in force with the number of requests that it struck.
    pub(super) fn counts(&self) -> Vec<(Fault, u64)> {
        self.inner().faults.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_from_its_words() {
        let fault: Fault = "latency:ms=500,endpoint=jobs/state,probability=0.5,times=3".parse().unwrap();
        assert_eq!(
            fault,
            Fault {
                kind: FaultKind::Latency,
                delay: Duration::from_millis(500),
                endpoint: Some(Endpoint::JobsState),
                probability: 0.5,
                times: Some(3),
            }
        );
        assert_eq!("reset".parse(), Ok(Fault::always(FaultKind::Reset)));
        for bad in
            ["", "503", "latency", "reset:", "reset:when=now", "reset:probability=2", "502:endpoint=job"]
        {
            assert_eq!(bad.parse::<Fault>().is_err(), bad != "reset:", "{bad}");
        }
    }

    #[test]
    fn times_bounds_the_count_and_endpoints_are_told_apart() {
        let faults = Faults::new(vec!["500:endpoint=jobs,times=2".parse().unwrap()], 1);
        let effects: Vec<_> = (0..3).map(|_| faults.strike(Endpoint::Jobs).effect).collect();
        let struck = Some(FaultKind::InternalError);
        assert_eq!(effects, [struck, struck, None]);
        assert_eq!(faults.strike(Endpoint::Nodes), Strike::default());
        assert_eq!(faults.counts()[0].1, 2);
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let pattern = |seed| {
            let faults = Faults::new(vec!["reset:probability=0.5".parse().unwrap()], seed);
            (0..64).map(|_| faults.strike(Endpoint::Ping).effect.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(pattern(1), pattern(1));
        assert!(pattern(1).contains(&true) && pattern(1).contains(&false));
    }
}
