//! One request from its arrival to its answer.
//! Not here: connections (mod.rs), bodies (answer.rs), JSON (wire/).

use super::answer::{self, Answer, AnswerBody};
use super::auth::Verdict;
use super::connection::Ending;
use super::faults::{FaultKind, Sent};
use super::query::{self, Query};
use super::router::{self, Route};
use super::{Shared, Simulator};
use crate::cluster::Cluster;
use crate::cluster::stats::Rpc;
use crate::wire::{Endpoint, Page, Problem};
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use tokio::time::Instant;

/// The connection is to be reset instead of answered.
#[derive(Debug, thiserror::Error)]
#[error("reset by a fault")]
pub(super) struct ResetByFault;

const BAD_TOKEN: (i32, &str) = (1007, "Protocol authentication error");
const NO_CONTROLLER: (i32, &str) = (1800, "Unable to contact slurm controller (connect failure)");
const UNSPECIFIED: (i32, &str) = (-1, "Unspecified error");

pub(super) async fn handle(
    simulator: Simulator,
    request: Request<Incoming>,
    ending: Ending,
) -> Result<Response<Sent>, ResetByFault> {
    let shared = &simulator.0;
    let uri = request.uri();
    let now = shared.elapsed();
    let served = shared.faults.window(now).unwrap_or_else(|| shared.served.clone());
    let route = router::route(uri.path(), uri.query(), &served);
    if served != shared.served && route != router::route(uri.path(), uri.query(), &shared.served) {
        shared.faults.count_upgrade(now);
    }
    let Some(route) = route.filter(|_| request.method() == Method::GET) else {
        shared.counters.not_found();
        return Ok(answer::not_found(served.end().release()).map(Sent::from));
    };
    let verdict = shared.tokens.check(request.headers());
    if verdict != Verdict::Welcome {
        shared.counters.refused();
    }
    if verdict == Verdict::Missing {
        return Ok(unauthorized().map(Sent::from));
    }
    if !accepts_json(&request) {
        let text = "Accept content type is unknown";
        return Ok(answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text).map(Sent::from));
    }
    let in_flight = shared.counters.begin(route.endpoint);
    let strike = match shared.strike(request.headers(), route.endpoint, now) {
        Ok(strike) => strike,
        Err(trouble) => return Ok(answer::text(StatusCode::BAD_REQUEST, trouble).map(Sent::from)),
    };
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
    }
    let endpoint = route.endpoint;
    let mut sent = match strike.fault.as_ref().and_then(|fault| fault.instead(endpoint)) {
        Some(answer) => answer,
        None => {
            if strike.kind() == Some(FaultKind::Reset) {
                ending.reset();
                return Err(ResetByFault);
            }
            let answer = usual(&simulator, route, strike.kind(), verdict).await;
            match &strike.fault {
                Some(fault) => fault.dress(answer, endpoint, ending).await,
                None => answer.map(Sent::from),
            }
        }
    };
    sent.body_mut().hold(in_flight);
    Ok(sent)
}

fn unauthorized() -> Answer {
    answer::text(StatusCode::UNAUTHORIZED, "Authentication failure")
}

/// What slurmrestd would say, to this fault if there is one.
async fn usual(simulator: &Simulator, route: Route, fault: Option<FaultKind>, verdict: Verdict) -> Answer {
    let shared = &simulator.0;
    match fault {
        Some(FaultKind::Unauthorized) => unauthorized(),
        Some(FaultKind::VersionNotFound) => answer::not_found(route.api.release()),
        Some(FaultKind::InternalError) => {
            failure(shared, &route, StatusCode::INTERNAL_SERVER_ERROR, UNSPECIFIED)
        }
        Some(FaultKind::BadGateway) => failure(shared, &route, StatusCode::BAD_GATEWAY, NO_CONTROLLER),
        Some(FaultKind::AuthenticationRequired) => {
            failure(shared, &route, StatusCode::NETWORK_AUTHENTICATION_REQUIRED, BAD_TOKEN)
        }
        Some(FaultKind::ControllerDown) => {
            slurmctld_failure(shared, &route, StatusCode::BAD_GATEWAY, NO_CONTROLLER)
        }
        Some(FaultKind::TokenExpired) => {
            slurmctld_failure(shared, &route, StatusCode::NETWORK_AUTHENTICATION_REQUIRED, BAD_TOKEN)
        }
        _ if verdict == Verdict::Refused => {
            slurmctld_failure(shared, &route, StatusCode::NETWORK_AUTHENTICATION_REQUIRED, BAD_TOKEN)
        }
        _ => match &shared.replay {
            Some(replay) => replay.answer(&route),
            None => data(simulator, route, fault == Some(FaultKind::FailOver)).await,
        },
    }
}

fn accepts_json(request: &Request<Incoming>) -> bool {
    let Some(accept) = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let mut kinds = accept.split(',').map(|part| part.split(';').next().unwrap_or("").trim());
    kinds.any(|kind| matches!(kind, "" | "*/*" | "application/*" | "application/json"))
}

/// An answer without data.
fn failure(
    shared: &Shared,
    route: &Route,
    status: StatusCode,
    (number, error): (i32, &'static str),
) -> Answer {
    let problems = answer::trouble(route.endpoint, number, error);
    problem_answer(shared, route, status, &problems, false)
}

/// The same for what slurmctld did not do; `/ping` itself succeeds and says so.
fn slurmctld_failure(
    shared: &Shared,
    route: &Route,
    status: StatusCode,
    trouble: (i32, &'static str),
) -> Answer {
    if route.endpoint != Endpoint::Ping {
        return failure(shared, route, status, trouble);
    }
    let mut page = Page::new(route.api, route.endpoint, shared.style);
    page.controller_trouble = Some(trouble.1);
    let mut body = Vec::new();
    page.write(&shared.cluster(), &mut body);
    answer::json(StatusCode::OK, AnswerBody::whole(body))
}

fn problem_answer(
    shared: &Shared,
    route: &Route,
    status: StatusCode,
    problems: &[Problem],
    refused: bool,
) -> Answer {
    let mut body = Vec::new();
    let page = Page::new(route.api, route.endpoint, shared.style);
    page.write_problems(&shared.cluster(), problems, refused, &mut body);
    answer::json(status, AnswerBody::whole(body))
}

/// The usual case: a worker builds the answer, in the time that a real one would take.
async fn data(simulator: &Simulator, route: Route, failed_over: bool) -> Answer {
    let shared = &simulator.0;
    let begin = Instant::now();
    let cluster = shared.cluster_with_rpcs(rpc_of(route.endpoint), route.endpoint == Endpoint::Diag);
    let worker = match shared.latency.service_time(route.endpoint, &cluster) {
        // The semaphore is never closed.
        Some(time) => shared.workers.acquire().await.ok().map(|permit| (permit, Instant::now() + time)),
        None => None,
    };
    let answer = match query::understand(&route) {
        Ok(query) => answered(shared, &route, query, cluster, failed_over).await,
        Err(refusal) => problem_answer(shared, &route, refusal.status, &refusal.problems, true),
    };
    if let Some((_permit, done)) = worker {
        tokio::time::sleep_until(done).await;
    }
    tracing::debug!(endpoint = %route.endpoint, api = %route.api, took = ?begin.elapsed(), "answered");
    answer
}

async fn answered(
    shared: &Arc<Shared>,
    route: &Route,
    query: Query,
    cluster: Arc<Cluster>,
    failed_over: bool,
) -> Answer {
    let mut page = Page::new(route.api, route.endpoint, shared.style);
    page.failed_over = failed_over;
    page.warnings = query.warnings;
    if let Some(since) = query.update_time {
        let unchanged = match route.endpoint {
            Endpoint::Jobs => since > cluster.jobs_changed_unix(),
            Endpoint::Partitions => since > cluster.started_unix(),
            // Registrations and pings of nodes touch their table all the time.
            _ => since > cluster.now_unix(),
        };
        if unchanged && route.endpoint == Endpoint::Jobs {
            page.warnings.push(query::no_job_changes(since));
            let mut body = Vec::new();
            page.write_unchanged_jobs(&cluster, &mut body);
            return answer::json(StatusCode::OK, AnswerBody::whole(body));
        }
        if unchanged {
            return answer::not_modified();
        }
    }
    // Counting 100,000 jobs takes a moment; other connections must not wait for it.
    let counting = Arc::clone(&cluster);
    let counted = tokio::task::spawn_blocking(move || {
        let length = page.len(&counting);
        (page, length)
    });
    match counted.await {
        Ok((page, length)) => answer::json(StatusCode::OK, AnswerBody::page(page, cluster, length)),
        Err(_) => failure(shared, route, StatusCode::INTERNAL_SERVER_ERROR, UNSPECIFIED),
    }
}

fn rpc_of(endpoint: Endpoint) -> Rpc {
    match endpoint {
        Endpoint::Ping => Rpc::Ping,
        Endpoint::Diag => Rpc::Stats,
        Endpoint::Nodes => Rpc::NodeInfo,
        Endpoint::Jobs => Rpc::JobInfo,
        Endpoint::JobsState => Rpc::JobState,
        Endpoint::Partitions => Rpc::PartitionInfo,
    }
}
