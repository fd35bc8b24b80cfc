//! The life of one endpoint: wait until it is due and may be asked, ask, hand over what came, wait again.
//! What becomes of an answer is the keeper's business.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::breaker::{Breaker, Circuit, Evidence};
use super::places::Place;
use super::{AskedWith, Keeper, Status, retry};
use crate::config::CircuitBreaker;
use crate::model::endpoint::Daemon;
use crate::model::{Endpoint, Reading, Timestamp};
use crate::source::{ErrorClass, Poll, PollError};
use crate::telemetry;

/// One daemon's breaker, and those who wait for it.
#[derive(Debug)]
pub(super) struct Gate {
    breaker: Mutex<Breaker>,
    changed: Notify,
}

impl Gate {
    /// One per daemon, in their order.
    pub(super) fn each(settings: &CircuitBreaker) -> [Self; Daemon::ALL.len()] {
        Daemon::ALL
            .map(|_| Self { breaker: Mutex::new(Breaker::new(settings.clone())), changed: Notify::new() })
    }
}

/// Why an endpoint that is due is not asked.
struct Obstacle {
    /// The value of the label `error_type`.
    error_type: &'static str,
    message: String,
    /// When to look again, if nothing is heard before.
    until: Option<Instant>,
    /// It is only another one's turn.
    is_queue: bool,
}

impl Keeper {
    pub(super) async fn poll_for_ever(self: Arc<Self>, endpoint: Endpoint) {
        let plan = &self.cluster.plan;
        let mut chance = fastrand::Rng::with_seed(self.cluster.seed ^ endpoint as u64);
        let mut start = Instant::now();
        // The next poll in turn, and how many retries came after the last one.
        let mut regular = start;
        let mut tried = 0;
        loop {
            sleep_until(start).await;
            let place = self.admitted(endpoint).await;
            let asked = self.begin(endpoint).await;
            let asked_at = Instant::now();
            let poll = self.poll(endpoint, asked.since).await;
            drop(place);
            let took = asked_at.elapsed();
            self.judge(endpoint, &poll);
            let timed_out = matches!(&poll.outcome, Err(error) if error.class == ErrorClass::Timeout);
            let is_absent = matches!(&poll.outcome, Err(error) if error.not_served);
            let may_retry = retry::may_help(&poll) && self.circuit(endpoint) == Circuit::Closed;
            self.take(endpoint, asked, poll, took).await;

            let stretch = self.cluster.budget.stretch();
            if is_absent {
                regular = asked_at + plan.next_look(endpoint);
            } else if tried == 0 || !may_retry {
                regular = asked_at + plan.next_start(endpoint, took, timed_out, stretch, chance.f64());
            }
            let settings = plan.collection.retry;
            let again = may_retry
                .then(|| retry::at(&settings, tried, Instant::now(), regular, chance.f64()))
                .flatten();
            (start, tried) = again.map_or((regular, 0), |at| (at, tried + 1));
        }
    }

    /// One poll. A panic in it is a bug, but one answer that causes it must not end all polling.
    async fn poll(&self, endpoint: Endpoint, since: Timestamp) -> Poll {
        let source = Arc::clone(&self.cluster.source);
        let polled = tokio::spawn(async move { source.poll(endpoint, since).await }).await;
        polled.unwrap_or_else(|error| Poll {
            outcome: Err(PollError {
                class: ErrorClass::Decode,
                message: format!("failed to poll {endpoint}: {error}"),
                reading: None,
                not_served: false,
                drifted_field: None,
            }),
            requests: Vec::new(),
        })
    }

    /// What is known as a poll begins.
    async fn begin(&self, endpoint: Endpoint) -> AskedWith {
        let mut kept = self.cluster.memory.0.lock().await;
        let at = Timestamp::of(SystemTime::now());
        let since = match endpoint {
            Endpoint::Accounting => kept.ledger.ask(at),
            _ => {
                let age = kept.read_in_full.get(&endpoint).map_or(Duration::ZERO, Instant::elapsed);
                match self.cluster.plan.collection.caching.allows(age) {
                    true => kept.snapshot.last_update(endpoint),
                    false => Timestamp::NONE,
                }
            }
        };
        AskedWith { at, since, diag: kept.snapshot.diag.clone() }
    }

    /// Waits for a place, and for whatever keeps the endpoint from being asked. That is a refresh which its collectors
    /// miss: noted when it becomes due, and again after each interval.
    async fn admitted(&self, endpoint: Endpoint) -> Place {
        let mut noted: Option<Instant> = None;
        loop {
            let mut gate_changed = pin!(self.gate(endpoint).changed.notified());
            let mut budget_changed = pin!(self.cluster.budget.changed());
            // From here on: what happens between the look and the wait would go unheard otherwise.
            gate_changed.as_mut().enable();
            budget_changed.as_mut().enable();
            let place = self.places.wait(endpoint).await;
            let Some(obstacle) = self.obstacle(endpoint) else { return place };
            drop(place);

            let interval = self.interval(endpoint).await;
            let is_news = noted.map_or(!obstacle.is_queue, |at| at.elapsed() >= interval);
            if is_news {
                self.hold(endpoint, &obstacle).await;
            }
            if is_news || noted.is_none() {
                noted = Some(Instant::now());
            }
            let next_note = noted.unwrap_or_else(Instant::now) + interval;
            let until = obstacle.until.map_or(next_note, |until| until.min(next_note));
            tokio::select! {
                () = gate_changed => {}
                () = budget_changed => {}
                () = sleep_until(until) => {}
            }
        }
    }

    fn obstacle(&self, endpoint: Endpoint) -> Option<Obstacle> {
        if endpoint.cost() > self.cluster.budget.level() {
            return Some(Obstacle {
                error_type: telemetry::MEMORY_LIMIT,
                message: "not asked: too little memory is left below performance.memory_limit".to_owned(),
                until: None,
                is_queue: false,
            });
        }
        // What finds out whether the daemon is back.
        if is_ping(endpoint) {
            return None;
        }
        let until = self.with_breaker(endpoint, |breaker| breaker.admit(Instant::now())).err()?;
        Some(Obstacle {
            error_type: telemetry::CIRCUIT_OPEN,
            message: format!("not asked: {} kept failing", endpoint.daemon().name()),
            until: Some(until),
            is_queue: self.circuit(endpoint) == Circuit::HalfOpen,
        })
    }

    async fn hold(&self, endpoint: Endpoint, obstacle: &Obstacle) {
        // For as long as the state is read and written, like all who change it.
        let _kept = self.cluster.memory.0.lock().await;
        tracing::debug!(endpoint = %endpoint, reason = obstacle.message, "held");
        self.missed(endpoint, obstacle.error_type);
        let before = self.cluster.board.status(endpoint);
        let error = obstacle.message.clone();
        self.cluster.board.set(endpoint, Status { up: Some(false), error, ..before });
    }

    /// Tells the breaker what a poll says about the daemon.
    fn judge(&self, endpoint: Endpoint, poll: &Poll) {
        let evidence = evidence(poll);
        self.with_breaker(endpoint, |breaker| match is_ping(endpoint) {
            true => breaker.heard(evidence, Instant::now()),
            false => breaker.record(evidence, Instant::now()),
        });
        self.gate(endpoint).changed.notify_waiters();
    }

    fn circuit(&self, endpoint: Endpoint) -> Circuit {
        self.with_breaker(endpoint, |breaker| breaker.circuit())
    }

    fn gate(&self, endpoint: Endpoint) -> &Gate {
        &self.gates[endpoint.daemon() as usize]
    }

    fn with_breaker<T>(&self, endpoint: Endpoint, act: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.gate(endpoint).breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.circuit();
        let result = act(&mut breaker);
        let now = breaker.circuit();
        if now != before {
            let daemon = endpoint.daemon();
            self.cluster.telemetry.set_circuit(daemon, now);
            match now {
                Circuit::Open => tracing::warn!(daemon = daemon.name(), "circuit open: only pings go out"),
                Circuit::HalfOpen => tracing::info!(daemon = daemon.name(), "circuit half open: trying"),
                Circuit::Closed => tracing::info!(daemon = daemon.name(), "circuit closed"),
            }
        }
        result
    }
}

/// What is asked whatever the circuit says.
fn is_ping(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Ping | Endpoint::DatabasePing)
}

/// What a poll says about the daemon that answers it.
fn evidence(poll: &Poll) -> Evidence {
    match &poll.outcome {
        Ok(answer) => match &answer.reading {
            // 24.11 answers so for a refused token too.
            Reading::Ping(controllers) | Reading::DatabasePing(controllers)
                if !controllers.rows.iter().any(|row| row.up) =>
            {
                Evidence::None
            }
            _ => Evidence::Lives,
        },
        Err(error) => match error.class {
            ErrorClass::Connect | ErrorClass::Timeout => Evidence::Fails,
            ErrorClass::HttpStatus if retry::has_server_error(poll) => Evidence::Fails,
            ErrorClass::Partial => Evidence::Lives,
            ErrorClass::HttpStatus | ErrorClass::Auth | ErrorClass::Decode | ErrorClass::TooLarge => {
                Evidence::None
            }
        },
    }
}
