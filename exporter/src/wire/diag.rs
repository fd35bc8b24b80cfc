//! The `statistics` of `/diag`. Field names are the same in all versions; later versions have more of them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::ValueError;
use super::no_val::{Number, Text};
use super::said;
use super::stream::read_value;
use crate::model::diag::{Backfill, Cycle, RpcByType, RpcByUser};
use crate::model::{Diag, Timestamp};

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Wire<'a> {
    req_time: Number,
    req_time_start: Number,
    server_thread_count: Number,
    agent_queue_size: Number,
    agent_count: Number,
    agent_thread_count: Number,
    dbd_agent_queue_size: Number,
    jobs_submitted: Number,
    jobs_started: Number,
    jobs_completed: Number,
    jobs_canceled: Number,
    jobs_failed: Number,
    jobs_pending: Number,
    jobs_running: Number,
    job_states_ts: Number,
    schedule_cycle_last: Number,
    schedule_cycle_max: Number,
    schedule_cycle_mean: Number,
    schedule_cycle_total: Number,
    schedule_cycle_mean_depth: Number,
    schedule_queue_length: Number,
    #[serde(borrow)]
    schedule_exit: Exits<'a>,
    bf_active: Option<bool>,
    bf_when_last_cycle: Number,
    bf_backfilled_jobs: Number,
    bf_backfilled_het_jobs: Number,
    bf_cycle_counter: Number,
    bf_cycle_last: Number,
    bf_cycle_max: Number,
    bf_cycle_mean: Number,
    bf_depth_mean: Number,
    bf_depth_mean_try: Number,
    bf_last_depth: Number,
    bf_last_depth_try: Number,
    bf_queue_len: Number,
    bf_table_size: Number,
    #[serde(borrow)]
    bf_exit: Exits<'a>,
    #[serde(borrow)]
    rpcs_by_message_type: Vec<ByType<'a>>,
    #[serde(borrow)]
    rpcs_by_user: Vec<ByUser<'a>>,
}

#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(borrow)]
    message_type: Text<'a>,
    count: Number,
    total_time: Number,
    #[serde(default)]
    queued: Number,
    #[serde(default)]
    dropped: Number,
}

#[derive(Deserialize)]
struct ByUser<'a> {
    #[serde(borrow)]
    user: Text<'a>,
    count: Number,
    total_time: Number,
}

/// Why cycles ended: an object of counts, whose keys are the reasons.
#[derive(Default)]
struct Exits<'a>(Vec<(Text<'a>, Number)>);

impl<'de: 'a, 'a> Deserialize<'de> for Exits<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExitsVisitor;

        impl<'de> Visitor<'de> for ExitsVisitor {
            type Value = Exits<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of counts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Exits<'de>, A::Error> {
                let mut exits = Vec::new();
                while let Some(reason) = map.next_key()? {
                    exits.push((reason, map.next_value()?));
                }
                Ok(Exits(exits))
            }
        }

        deserializer.deserialize_map(ExitsVisitor)
    }
}

impl Exits<'_> {
    fn counts(&self) -> Vec<(String, u64)> {
        self.0
            .iter()
            .filter_map(|(reason, count)| Some((reason.0.as_ref().to_owned(), count.get()?)))
            .collect()
    }
}

/// Reads the statistics into the reading.
pub(super) fn read(bytes: &[u8], diag: &mut Diag) -> Result<usize, ValueError> {
    // The document must be an object; serde would take an array for a struct.
    if bytes.first() != Some(&b'{') {
        let (_, len) = read_value::<IgnoredAny>(bytes)?;
        return if len == 0 { Err(ValueError::Incomplete) } else { Err(ValueError::Missing("statistics")) };
    }
    let (wire, len) = read_value::<Wire<'_>>(bytes)?;
    if wire.req_time == Number::Unset && wire.server_thread_count == Number::Unset {
        return Err(ValueError::Missing("server_thread_count"));
    }
    *diag = Diag {
        said: said::read(bytes)?,
        taken_at: Timestamp::from_unix(wire.req_time.get()),
        reset_at: Timestamp::from_unix(wire.req_time_start.get()),
        server_threads: wire.server_thread_count.get(),
        agent_queue_size: wire.agent_queue_size.get(),
        agent_count: wire.agent_count.get(),
        agent_threads: wire.agent_thread_count.get(),
        dbd_agent_queue_size: wire.dbd_agent_queue_size.get(),
        jobs_submitted: wire.jobs_submitted.get(),
        jobs_started: wire.jobs_started.get(),
        jobs_completed: wire.jobs_completed.get(),
        jobs_canceled: wire.jobs_canceled.get(),
        jobs_failed: wire.jobs_failed.get(),
        jobs_pending: wire.jobs_pending.get(),
        jobs_running: wire.jobs_running.get(),
        job_states_at: Timestamp::from_unix(wire.job_states_ts.get()),
        main: Cycle {
            last_micros: wire.schedule_cycle_last.get(),
            max_micros: wire.schedule_cycle_max.get(),
            mean_micros: wire.schedule_cycle_mean.get(),
            cycles: wire.schedule_cycle_total.get(),
            mean_depth: wire.schedule_cycle_mean_depth.get(),
            queue_length: wire.schedule_queue_length.get(),
            exits: wire.schedule_exit.counts(),
        },
        backfill: Backfill {
            cycle: Cycle {
                last_micros: wire.bf_cycle_last.get(),
                max_micros: wire.bf_cycle_max.get(),
                mean_micros: wire.bf_cycle_mean.get(),
                cycles: wire.bf_cycle_counter.get(),
                mean_depth: wire.bf_depth_mean.get(),
                queue_length: wire.bf_queue_len.get(),
                exits: wire.bf_exit.counts(),
            },
            active: wire.bf_active,
            last_cycle_at: Timestamp::from_unix(wire.bf_when_last_cycle.get()),
            jobs: wire.bf_backfilled_jobs.get(),
            het_jobs: wire.bf_backfilled_het_jobs.get(),
            last_depth: wire.bf_last_depth.get(),
            last_depth_tried: wire.bf_last_depth_try.get(),
            mean_depth_tried: wire.bf_depth_mean_try.get(),
            table_size: wire.bf_table_size.get(),
        },
        rpcs_by_type: wire.rpcs_by_message_type.into_iter().filter_map(by_type).collect(),
        rpcs_by_user: wire.rpcs_by_user.into_iter().filter_map(by_user).collect(),
    };
    Ok(len)
}

/// None where the count is unset: a 0 would look like a restart of the counter.
fn by_type(wire: ByType<'_>) -> Option<RpcByType> {
    Some(RpcByType {
        message_type: wire.message_type.0.into_owned(),
        count: wire.count.get()?,
        total_micros: wire.total_time.get()?,
        queued: wire.queued.get(),
        dropped: wire.dropped.get(),
    })
}

fn by_user(wire: ByUser<'_>) -> Option<RpcByUser> {
    Some(RpcByUser {
        user: wire.user.0.into_owned(),
        count: wire.count.get()?,
        total_micros: wire.total_time.get()?,
    })
}
