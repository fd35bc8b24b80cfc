//! Once a second: how much memory and CPU is left, and what the clusters may use of it.
//! The rules are in `memory_guard` and `cpu_throttle`; here they are fed and their decisions told.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::cpu_throttle::CpuThrottle;
use super::memory_guard::MemoryGuard;
use crate::config::Config;
use crate::model::endpoint::Cost;
use crate::schedule::Budget;
use crate::telemetry::{self, Pressure, ProcessTelemetry};

const TICK: Duration = Duration::from_secs(1);

/// Keeps the budget for ever.
pub(super) async fn watch(config: &Config, budget: &Budget, telemetry: &ProcessTelemetry) {
    let mut guard = config.performance.memory_limit.map(|limit| MemoryGuard::new(limit, Instant::now()));
    let collection = &config.collection;
    let mut throttle =
        collection.backoff_on_throttle.then(|| CpuThrottle::new(collection.cpu_throttle_threshold));
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let (Some(guard), Some(resident)) = (&mut guard, telemetry::resident_bytes()) {
            let level = guard.observe(resident, Instant::now());
            if level != budget.level() {
                tell_level(level, budget.level(), resident, guard.limit());
                budget.set_level(level);
            }
        }
        if let (Some(throttle), Some(periods)) = (&mut throttle, telemetry::cpu_periods()) {
            let stretch = throttle.observe(periods, Instant::now());
            if stretch != budget.stretch() {
                tracing::warn!(
                    factor = stretch,
                    "throttled by the CPU quota: intervals are now this much longer"
                );
                budget.set_stretch(stretch);
            }
        }
        telemetry.set_pressure(Pressure {
            memory_limit: guard.as_ref().map(MemoryGuard::limit),
            level: budget.level(),
            stretch: budget.stretch(),
            throttled: throttle.as_ref().and_then(CpuThrottle::share),
        });
    }
}

fn tell_level(level: Cost, before: Cost, resident: u64, limit: u64) {
    if level < before {
        tracing::warn!(
            up_to = level.name(),
            resident_bytes = resident,
            limit_bytes = limit,
            "near performance.memory_limit: dearer endpoints are no longer read and their series withdrawn"
        );
    } else {
        tracing::info!(up_to = level.name(), resident_bytes = resident, "memory is free again: reading more");
    }
}
