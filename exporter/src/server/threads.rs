//! What the process is doing right now, in text: the runtime's tasks in numbers, and every thread.
//! The stacks of single tasks are not told: tokio does so only in builds of its own.

use std::fmt::Write as _;

use procfs::process::Process;
use tokio::runtime::Handle;

/// Numbers of the runtime that runs this, then a line per thread.
pub(super) fn page() -> String {
    let metrics = Handle::current().metrics();
    let mut page = format!(
        "runtime: {} workers, {} tasks alive, {} waiting in the global queue\n",
        metrics.num_workers(),
        metrics.num_alive_tasks(),
        metrics.global_queue_depth(),
    );
    let threads = Process::myself().and_then(|process| process.tasks());
    let ticks = procfs::ticks_per_second() as f64;
    match threads {
        // A thread may end while it is looked at.
        Ok(threads) => {
            for stat in threads.flatten().filter_map(|thread| thread.stat().ok()) {
                let (user, kernel) = (stat.utime as f64 / ticks, stat.stime as f64 / ticks);
                let _ = writeln!(
                    page,
                    "thread {}: {}, state {}, CPU {user:.2}s user, {kernel:.2}s kernel",
                    stat.pid, stat.comm, stat.state
                );
            }
        }
        Err(error) => {
            let _ = writeln!(page, "the threads cannot be read: {error}");
        }
    }
    page
}
