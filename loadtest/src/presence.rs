//! Whether a target that we did not start is still there when the load is over.
//! It judges nothing: what an absence means for the run is decided in `validity`.

use std::time::Duration;

use reqwest::{Client, Url};

use crate::{probe, sample};

/// One connection that breaks, or one bad answer among many good ones, is no absence.
const LOOKS: u32 = 3;

/// What was there when the run began.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) metrics: Url,
    pub(crate) pid: Option<u32>,
    /// Whether its page had `process_*` figures.
    pub(crate) own_figures: bool,
}

/// Looks for the target and returns what is missing of it; `None` when it is there. It may take `patience` to answer.
pub(crate) async fn absence(side: &Client, expected: &Expected, patience: Duration) -> Option<String> {
    if let Some(pid) = expected.pid.filter(|pid| !sample::is_alive(*pid)) {
        return Some(format!("the process {pid} is gone"));
    }
    let looks = async {
        let mut problem = None;
        for _ in 0..LOOKS {
            problem = look(side, expected).await.err();
            if problem.is_none() {
                break;
            }
        }
        problem
    };
    let timed_out = |_| Some(format!("no answer within {} s", patience.as_secs()));
    tokio::time::timeout(patience, looks).await.unwrap_or_else(timed_out)
}

async fn look(side: &Client, expected: &Expected) -> Result<(), String> {
    let failed = |error: reqwest::Error| probe::innermost(&error);
    let answer = side.get(expected.metrics.clone()).send().await.map_err(failed)?;
    // Without figures of the process any answer tells that something answers.
    if !expected.own_figures {
        return Ok(());
    }
    let status = answer.status();
    let page = answer.text().await.map_err(failed)?;
    if sample::has_figures(&page) {
        Ok(())
    } else {
        Err(format!("it answers {status} without the process_* figures that it had before"))
    }
}
