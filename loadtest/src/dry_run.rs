//! What a run would do, in words: the load, how many requests and how long, and by which rules it is judged.
//! Nothing is started and nobody is asked.

use std::io::Write;

use reports::quantity::{count, number, seconds};
use reports::sla::Sla;

use crate::cli::Target;
use crate::prometheus::SCRAPE_INTERVAL;
use crate::run::Plan;
use crate::scenario::{Executor, LoadPlan, Shard};

/// Prints the plan.
///
/// # Errors
/// When stdout is closed.
pub(crate) fn print(out: &mut impl Write, plan: &Plan) -> std::io::Result<()> {
    let scenario = &plan.scenario;
    let load = LoadPlan::new(scenario, plan.seed, plan.shard.unwrap_or(Shard::WHOLE));
    let (warmup, total) = (load.warmup.as_secs(), load.total().as_secs());
    let asked = |from: u64, to: u64| {
        let offered = (from..to).map(|second| load.offered(u32::try_from(second).unwrap_or(u32::MAX)));
        count(offered.sum::<f64>().round() as u64)
    };
    writeln!(out, "scenario: {} ({})", scenario.name, scenario.description)?;
    match &plan.target {
        Target::Running { metrics, .. } => writeln!(out, "target: {metrics}")?,
        Target::Stack { cluster, .. } => {
            writeln!(out, "target: an exporter of a simulated cluster, preset {}", cluster.preset)?;
        }
    }
    if plan.with_prometheus {
        writeln!(
            out,
            "beside it: a Prometheus that scrapes every {}",
            seconds(SCRAPE_INTERVAL.as_secs_f64())
        )?;
    }
    match scenario.executor {
        Executor::Closed => {
            let (users, rate) = (count(scenario.vus.into()), number(scenario.rate));
            writeln!(out, "load: {users} users at the highest point, {rate} requests per second each")?;
        }
        Executor::Open { arrivals, .. } => {
            let how = format!("{arrivals:?}").to_lowercase();
            let rate = number(scenario.rate);
            writeln!(out, "load: {rate} requests per second at the highest point, {how} arrivals")?;
        }
    }
    if let Some(search) = scenario.search {
        let step = seconds(total as f64);
        writeln!(
            out,
            "search: steps of {step}, to at most {} requests per second, within {} %; then 1 to {} users",
            number(search.highest_rate),
            number(search.precision * 100.0),
            search.vus
        )?;
    } else {
        writeln!(out, "requests: {} at most, {} of them judged", asked(0, total), asked(warmup, total))?;
        let judged = seconds(load.duration.as_secs_f64());
        writeln!(out, "duration: {total} s ({warmup} s warm-up, {judged} judged)")?;
    }
    // The size of the cluster is known once the target is there.
    let sla = plan.sla.clone().unwrap_or_else(|| Sla::built_in(&scenario.name, None));
    for rule in sla.select(&scenario.name, None).rules {
        let abort = if rule.abort { ", or the run ends" } else { "" };
        writeln!(out, "rule: {}{abort}", rule.text())?;
    }
    Ok(())
}
