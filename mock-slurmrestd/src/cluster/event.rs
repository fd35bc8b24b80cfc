//! What will happen, in order of time; ties go to what was planned first.
//! Not here: what an event does (lifecycle.rs, scheduler.rs, operations.rs).

use super::clock::Millis;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A user submits a job.
    Arrival,
    /// A job of a recorded trace is submitted.
    Recorded {
        index: u32,
    },
    /// Its recorded wait is over; `tried` when there was no room a moment ago.
    StartRecorded {
        job: u32,
        tried: bool,
    },
    /// The quick scheduling cycle after something changed.
    Schedule,
    /// The periodic backfill cycle.
    Backfill,
    /// This run of the job ends by itself; a requeued job has a new run.
    End {
        job: u32,
        run: u16,
    },
    /// The nodes of a job that ended are clean.
    Cleaned {
        job: u32,
    },
    /// A hold ends, a begin time comes, a requeue delay is over.
    Eligible {
        job: u32,
    },
    /// A user cancels a job of theirs.
    Cancellation,
    /// The user gives up on a job whose dependency failed.
    Abandon {
        job: u32,
    },
    /// A job is suspended or requeued.
    Holdup,
    /// A suspended job goes on.
    Resume {
        job: u32,
        run: u16,
    },
    /// All nodes of a job are powered up.
    PoweredUp {
        job: u32,
        run: u16,
    },
    /// A node is up, or off.
    PowerChanges {
        node: u32,
    },
    /// slurmctld's counters start again.
    Midnight,
    /// A node breaks.
    Fault,
    /// An administrator takes a node out.
    Drain,
    /// A node comes back.
    Repair {
        node: u32,
    },
    /// A reservation takes its nodes, or gives them back.
    ReservationStarts {
        id: u32,
    },
    ReservationEnds {
        id: u32,
    },
    /// Usage decays and priorities are calculated anew.
    Priorities,
    /// Records older than MinJobAge go; job counts of the statistics are renewed.
    Housekeeping,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Millis, u64, Event)>>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Millis, event: Event) {
        self.planned += 1;
        self.heap.push(Reverse((at, self.planned, event)));
    }

    /// The next event not after `until`.
    pub(super) fn next(&mut self, until: Millis) -> Option<(Millis, Event)> {
        match self.heap.peek() {
            Some(Reverse((at, _, _))) if *at <= until => {
                self.heap.pop().map(|Reverse((at, _, event))| (at, event))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time_and_then_of_planning() {
        let mut agenda = Agenda::default();
        agenda.plan(20, Event::Backfill);
        agenda.plan(10, Event::Fault);
        agenda.plan(10, Event::Arrival);
        agenda.plan(30, Event::Drain);
        let order: Vec<_> = std::iter::from_fn(|| agenda.next(20)).collect();
        assert_eq!(order, [(10, Event::Fault), (10, Event::Arrival), (20, Event::Backfill)]);
    }
}
