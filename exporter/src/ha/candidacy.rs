//! What to do about a Lease, and who leads: decided from the Lease as it was read and from the time that has passed here.
//! Pure: no requests. The clocks of others are not trusted: a Lease is over when nobody changed it for its duration
//! while we looked. A leader steps down well before that, as client-go's election has it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::Role;

/// `LeaseSpec`; times are `MicroTime`, RFC 3339 with six digits after the second.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holder_identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_duration_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquire_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renew_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_transitions: Option<u64>,
    /// Not ours; it goes back as it came.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Another one leads.
    Wait,
    Create(Spec),
    /// Renews what is ours, or takes what is over.
    Replace(Spec),
}

#[derive(Debug)]
pub(super) struct Candidacy {
    me: String,
    duration: Duration,
    /// When the request that made or kept us the holder was begun.
    renewed_at: Option<Instant>,
    /// What another one wrote last, and since when we know it.
    seen: Option<(Spec, Instant)>,
}

impl Candidacy {
    pub(super) fn new(me: String, duration: Duration) -> Self {
        Self { me, duration, renewed_at: None, seen: None }
    }

    /// How often to look or to renew.
    pub(super) fn every(&self) -> Duration {
        self.duration * 2 / 15
    }

    /// How long one attempt may take, so that a leader has several.
    fn longest_attempt(&self) -> Duration {
        self.duration / 3
    }

    /// When an attempt that begins now has to be over.
    pub(super) fn attempt_until(&self, now: Instant) -> Instant {
        let until = now + self.longest_attempt();
        self.leads_until().filter(|end| *end > now).map_or(until, |end| until.min(end))
    }

    /// A leader that could not renew by then leads no more: sooner than anybody else may take over.
    fn leads_until(&self) -> Option<Instant> {
        Some(self.renewed_at? + self.duration * 2 / 3)
    }

    pub(super) fn role(&self, now: Instant) -> Role {
        if self.leads_until().is_some_and(|until| now < until) {
            return Role::Leader;
        }
        Role::Standby { leader: self.seen.as_ref().and_then(|(spec, _)| spec.holder_identity.clone()) }
    }

    /// What to do about the Lease as it was just read, or about there being none.
    pub(super) fn step(&mut self, found: Option<&Spec>, now: Instant, clock: Timestamp) -> Step {
        let Some(spec) = found else {
            return Step::Create(Spec { lease_transitions: Some(0), ..self.claim(Spec::default(), clock) });
        };
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder == self.me {
            return Step::Replace(Spec {
                acquire_time: spec.acquire_time.clone(),
                ..self.claim(spec.clone(), clock)
            });
        }
        // Whatever we held, another one holds it now.
        self.renewed_at = None;
        if !holder.is_empty() && now < self.over_at(spec, now) {
            return Step::Wait;
        }
        let transitions = spec.lease_transitions.unwrap_or_default() + 1;
        Step::Replace(Spec { lease_transitions: Some(transitions), ..self.claim(spec.clone(), clock) })
    }

    /// The request that was begun then has made or kept us the holder.
    pub(super) fn won(&mut self, begun: Instant) {
        self.renewed_at = Some(begun);
        self.seen = None;
    }

    /// The Lease without a holder, which anybody may take at once.
    pub(super) fn resign(&mut self, spec: Spec, clock: Timestamp) -> Spec {
        self.renewed_at = None;
        Spec {
            holder_identity: Some(String::new()),
            // Nothing below 1 is allowed.
            lease_duration_seconds: Some(1),
            renew_time: Some(micro_time(clock)),
            ..spec
        }
    }

    fn claim(&self, spec: Spec, clock: Timestamp) -> Spec {
        Spec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: Some(self.duration.as_secs()),
            acquire_time: Some(micro_time(clock)),
            renew_time: Some(micro_time(clock)),
            ..spec
        }
    }

    /// When another one's Lease is over, counted from when we saw its last change.
    fn over_at(&mut self, spec: &Spec, now: Instant) -> Instant {
        let since = match &self.seen {
            Some((seen, since)) if seen == spec => *since,
            _ => {
                self.seen = Some((spec.clone(), now));
                now
            }
        };
        since + spec.lease_duration_seconds.map_or(self.duration, Duration::from_secs)
    }
}

fn micro_time(clock: Timestamp) -> String {
    format!("{clock:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn candidate(name: &str) -> Candidacy {
        Candidacy::new(name.to_owned(), DURATION)
    }

    fn clock(second: i64) -> Timestamp {
        Timestamp::from_microsecond(second * 1_000_000 + 7).unwrap()
    }

    fn replaced(step: Step) -> Spec {
        match step {
            Step::Replace(spec) | Step::Create(spec) => spec,
            Step::Wait => panic!("nothing was written"),
        }
    }

    #[test]
    fn the_first_one_creates_it_and_renews_it() {
        let now = Instant::now();
        let mut one = candidate("one");
        let made = replaced(one.step(None, now, clock(0)));
        let text = serde_json::to_string(&made).unwrap();
        let expected = r#"{"holderIdentity":"one","leaseDurationSeconds":15,"acquireTime":"1970-01-01T00:00:00.000007Z","renewTime":"1970-01-01T00:00:00.000007Z","leaseTransitions":0}"#;
        assert_eq!(text, expected);
        assert!(!one.role(now).leads(), "not before the API server agreed");
        one.won(now);
        assert!(one.role(now).leads());
        let renewed = replaced(one.step(Some(&made), now, clock(2)));
        assert_eq!(renewed.acquire_time, made.acquire_time);
        assert_eq!(renewed.renew_time.as_deref(), Some("1970-01-01T00:00:02.000007Z"));
        assert_eq!(renewed.lease_transitions, Some(0));
    }

    #[test]
    fn a_leader_that_cannot_renew_steps_down_before_another_takes_over() {
        let start = Instant::now();
        let (mut one, mut other) = (candidate("one"), candidate("other"));
        let spec = replaced(one.step(None, start, clock(0)));
        one.won(start);
        assert_eq!(other.step(Some(&spec), start, clock(0)), Step::Wait);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(one.role(at(9)).leads() && !one.role(at(10)).leads());
        assert_eq!(other.step(Some(&spec), at(14), clock(14)), Step::Wait);
        assert_eq!(other.role(at(14)), Role::Standby { leader: Some("one".to_owned()) });
        let taken = replaced(other.step(Some(&spec), at(15), clock(15)));
        assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("other"), Some(1)));
        other.won(at(15));
        assert_eq!(one.step(Some(&taken), at(16), clock(16)), Step::Wait);
        assert_eq!(one.role(at(16)), Role::Standby { leader: Some("other".to_owned()) });
    }

    #[test]
    fn every_change_of_the_lease_is_a_sign_of_life_whatever_its_clock_says() {
        let start = Instant::now();
        let (mut one, mut other) = (candidate("one"), candidate("other"));
        let mut spec = replaced(one.step(None, start, clock(-90_000)));
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            assert_eq!(other.step(Some(&spec), now, clock(0)), Step::Wait, "after {second} s");
            spec = replaced(one.step(Some(&spec), now, clock(-90_000 + i64::try_from(second).unwrap())));
        }
    }

    #[test]
    fn what_was_given_back_is_taken_at_once_and_with_all_that_is_not_ours() {
        let now = Instant::now();
        let (mut one, mut other) = (candidate("one"), candidate("other"));
        let text =
            r#"{"holderIdentity":"one","leaseDurationSeconds":15,"strategy":"OldestEmulationVersion"}"#;
        let spec: Spec = serde_json::from_str(text).unwrap();
        one.won(now);
        let free = one.resign(spec, clock(1));
        assert!(!one.role(now).leads());
        assert_eq!((free.holder_identity.as_deref(), free.lease_duration_seconds), (Some(""), Some(1)));
        let taken = replaced(other.step(Some(&free), now, clock(1)));
        assert_eq!(
            (taken.holder_identity.as_deref(), taken.lease_duration_seconds),
            (Some("other"), Some(15))
        );
        assert_eq!(taken.rest["strategy"], "OldestEmulationVersion");
    }

    #[test]
    fn an_attempt_ends_before_the_leadership_does() {
        let start = Instant::now();
        let mut one = candidate("one");
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(one.attempt_until(start), at(5));
        one.won(start);
        assert_eq!([one.attempt_until(at(1)), one.attempt_until(at(8))], [at(6), at(10)]);
        assert_eq!(one.attempt_until(at(12)), at(17), "it leads no more");
    }
}
