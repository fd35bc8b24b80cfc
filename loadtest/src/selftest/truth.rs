//! What the stub does to a request, and what a right measurement of it must say. Pure arithmetic.
//! Times are seconds since the stub began.

/// One second in ten nothing is read and nothing is answered.
const CYCLE: f64 = 10.0;
const STALL: f64 = 1.0;
/// Fractional parts of the multiples of these spread points evenly over a square (the plastic number's R2 sequence).
const SPREAD: [f64; 2] = [0.754_877_666_246_692_8, 0.569_840_290_998_053_2];
/// As in `closed`: how users are spread over their period.
const GOLDEN: f64 = 0.618_033_988_749_895;
/// At so many places of the cycle a closed loop is tried out.
const PHASES: u32 = 40;
const OPEN_POINTS: u32 = 400_000;

/// Whether the stub stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Calm,
    Stalls,
}

/// The stub's own latency of its n-th request: at least 5 ms, the rest exponential with a mean of 10 ms, cut at p99.9.
/// Evenly spread instead of drawn, so that few requests have the distribution already.
pub(super) fn latency(number: u64) -> f64 {
    let share = (number as f64 * SPREAD[0]).fract();
    0.005 - 0.010 * (1.0 - 0.999 * share).ln()
}

/// When a request is answered that came at `received` and takes `latency`.
pub(super) fn answered(weather: Weather, received: f64, latency: f64) -> f64 {
    let after_stall = |moment: f64| {
        let within = moment.rem_euclid(CYCLE);
        if weather == Weather::Stalls && within >= CYCLE - STALL { moment - within + CYCLE } else { moment }
    };
    after_stall(after_stall(received) + latency)
}

/// Sorted latencies of arrivals that come evenly and wait for nobody.
pub(super) fn open_loop(weather: Weather) -> Vec<f64> {
    let mut latencies: Vec<f64> = (0..OPEN_POINTS)
        .map(|number| {
            let received = (f64::from(number) * SPREAD[1]).fract() * CYCLE;
            answered(weather, received, latency(number.into())) - received
        })
        .collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// Sorted latencies of users that wait for their answers: each asks every `period`, late ones at once and without
/// catching up. `warmup` is left out.
pub(super) fn closed_loop(
    weather: Weather,
    users: u32,
    period: f64,
    [warmup, duration]: [f64; 2],
) -> Vec<f64> {
    let mut latencies = Vec::new();
    for phase in 0..PHASES {
        let start = CYCLE * f64::from(phase) / f64::from(PHASES);
        let end = start + warmup + duration;
        let mut number = u64::from(phase) * 1000;
        for user in 0..users {
            let mut due = start + period * (f64::from(user) * GOLDEN).fract();
            while due < end {
                let finished = answered(weather, due, latency(number));
                number += 1;
                if finished >= start + warmup {
                    latencies.push(finished - due);
                }
                due = (due + period).max(finished);
            }
        }
    }
    latencies.sort_by(f64::total_cmp);
    latencies
}

/// The quantile of sorted values.
pub(super) fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (sorted.len() as f64 * quantile).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 0.003, "{value}, expected {expected}");
    }

    #[test]
    fn a_stall_holds_what_comes_in_it_and_what_would_leave_in_it() {
        assert_eq!(answered(Weather::Stalls, 5.0, 0.5), 5.5);
        assert_eq!(answered(Weather::Stalls, 19.25, 0.5), 20.5);
        assert_eq!(answered(Weather::Stalls, 8.75, 0.5), 10.0);
        assert_eq!(answered(Weather::Calm, 9.25, 0.5), 9.75);
    }

    #[test]
    fn calm_quantiles_are_those_of_the_distribution_in_both_loops() {
        let exact = |share: f64| 0.005 - 0.010 * (1.0_f64 - 0.999 * share).ln();
        for latencies in [open_loop(Weather::Calm), closed_loop(Weather::Calm, 40, 0.2, [2.0, 20.0])] {
            for share in [0.5, 0.95, 0.99] {
                near(quantile(&latencies, share), exact(share));
            }
        }
    }

    #[test]
    fn arrivals_see_a_stall_that_waiting_users_hardly_see() {
        // One arrival in ten waits, from 0 to 1 s evenly.
        let open = open_loop(Weather::Stalls);
        assert!((quantile(&open, 0.95) - 0.5).abs() < 0.03, "{}", quantile(&open, 0.95));
        assert!((quantile(&open, 0.99) - 0.9).abs() < 0.03);
        // Of 46 requests of a user in ten seconds, one waits.
        let closed = closed_loop(Weather::Stalls, 40, 0.2, [2.0, 20.0]);
        assert!(quantile(&closed, 0.95) < 0.1, "{}", quantile(&closed, 0.95));
        assert!((0.85..1.0).contains(&quantile(&closed, 0.99)));
    }
}
