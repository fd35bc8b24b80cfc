//! When a failed poll is tried again before its time: which failures, and how long after.
//! The delay is drawn anew from all of 0 to its bound ("full jitter"), so that many exporters that failed together do
//! not come back together.
//!
//! Not with the crate backon: its jitter adds to the delay instead of spreading it, and it would hold the place of the
//! request, and the endpoint's state, from the first try to the last. Here a retry is an ordinary poll that comes sooner.

use tokio::time::Instant;

use crate::config::Retry;
use crate::source::{ErrorClass, Poll};

/// Whether another try soon may do better. Not after a time-out, since slurmrestd is still working on the first; not
/// after a refusal or an answer that made no sense, which would be the same again.
pub(super) fn may_help(poll: &Poll) -> bool {
    poll.outcome.as_ref().is_err_and(|error| match error.class {
        ErrorClass::Connect => true,
        ErrorClass::HttpStatus => has_server_error(poll),
        ErrorClass::Auth
        | ErrorClass::Timeout
        | ErrorClass::Decode
        | ErrorClass::Partial
        | ErrorClass::TooLarge => false,
    })
}

/// Whether the last answer of a poll was a 5xx.
pub(super) fn has_server_error(poll: &Poll) -> bool {
    let code = poll.requests.last().and_then(|request| request.code);
    code.is_some_and(|code| (500..600).contains(&code))
}

/// When to try again after `tried` retries; none when they are used up, or when the regular poll comes first.
/// `chance` is in 0..1.
pub(super) fn at(
    settings: &Retry,
    tried: u32,
    now: Instant,
    regular: Instant,
    chance: f64,
) -> Option<Instant> {
    let growth = settings.backoff.powi(i32::try_from(tried).unwrap_or(i32::MAX));
    // Compared before it becomes a duration, which ends at 2^64 seconds.
    let delay = settings.delay.as_secs_f64() * growth * chance;
    let left = regular.saturating_duration_since(now).as_secs_f64();
    (tried < settings.attempts && delay < left).then(|| now + std::time::Duration::from_secs_f64(delay))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Endpoint;
    use crate::source::{PollError, Request};

    fn failed(class: ErrorClass, code: Option<u16>) -> Poll {
        let request = Request { endpoint: Endpoint::Nodes, code, duration: Duration::ZERO, bytes: 0 };
        Poll {
            outcome: Err(PollError {
                class,
                message: "no".to_owned(),
                reading: None,
                not_served: false,
                drifted_field: None,
            }),
            requests: vec![request],
        }
    }

    #[test]
    fn only_what_may_be_better_soon_is_tried_again() {
        for (class, code, again) in [
            (ErrorClass::Connect, None, true),
            (ErrorClass::Connect, Some(200), true),
            (ErrorClass::HttpStatus, Some(500), true),
            (ErrorClass::HttpStatus, Some(502), true),
            (ErrorClass::HttpStatus, Some(404), false),
            (ErrorClass::Auth, Some(401), false),
            (ErrorClass::Auth, Some(511), false),
            (ErrorClass::Timeout, None, false),
            (ErrorClass::Decode, Some(200), false),
            (ErrorClass::Partial, Some(500), false),
            (ErrorClass::TooLarge, Some(200), false),
        ] {
            assert_eq!(may_help(&failed(class, code)), again, "{class} {code:?}");
        }
    }

    #[test]
    fn the_delay_grows_and_is_drawn_from_all_of_it() {
        let now = Instant::now();
        let regular = now + Duration::from_secs(3600);
        let settings = Retry { attempts: 3, delay: Duration::from_secs(10), backoff: 2.0 };
        let delay = |tried, chance| at(&settings, tried, now, regular, chance).map(|at| (at - now).as_secs());
        assert_eq!([delay(0, 0.0), delay(0, 0.5), delay(1, 0.5)], [Some(0), Some(5), Some(10)]);
        assert_eq!([delay(2, 0.99), delay(3, 0.0)], [Some(39), None]);
    }

    #[test]
    fn no_retry_comes_after_the_regular_poll() {
        let now = Instant::now();
        let settings = Retry { attempts: 2000, delay: Duration::from_secs(10), backoff: 2.0 };
        let regular = now + Duration::from_secs(15);
        assert!(at(&settings, 1, now, regular, 0.7).is_some());
        assert_eq!(at(&settings, 1, now, regular, 0.8), None);
        assert_eq!(at(&settings, 1999, now, regular, 0.5), None);
        assert_eq!(at(&settings, 0, now, now, 0.0), None);
    }
}
