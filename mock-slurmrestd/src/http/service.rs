//! One request from its arrival to its answer.
//! Not here: connections (session.rs), bodies (answer.rs), words of errors (refusal.rs), JSON (wire/).

use super::answer::{self, Again, Answer, AnswerBody};
use super::auth::Verdict;
use super::connection::Ending;
use super::faults::{FaultKind, Sent};
use super::latency::{self, Pace};
use super::query::{self, Query};
use super::refusal::{self, Refusal, Trouble};
use super::router::{Route, Served};
use super::{Shared, Simulator, lookup, openapi, url};
use crate::cluster::Cluster;
use crate::cluster::stats::Rpc;
use crate::wire::{Endpoint, Page, Release};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use tokio::time::Instant;

/// The connection is to be reset instead of answered.
#[derive(Debug, thiserror::Error)]
#[error("reset by a fault")]
pub(super) struct ResetByFault;

pub(super) async fn handle(
    simulator: Simulator,
    request: Request<()>,
    body: Vec<u8>,
    ending: Ending,
) -> Result<Response<Sent>, ResetByFault> {
    let shared = &simulator.0;
    let uri = request.uri();
    let now = shared.elapsed();
    let routed = |served: &Served| served.route(uri.path(), uri.query());
    let usual_route = routed(&shared.served);
    let window =
        shared.faults.window(now, |window| routed(&shared.served.with(window.clone())) != usual_route);
    let served = window.map_or_else(|| shared.served.clone(), |window| shared.served.with(window));
    let route = routed(&served);
    let is_health = served.is_health(uri.path());
    let release = route.as_ref().map_or(served.release(), |route| route.face.release);
    let verdict = shared.tokens.check(request.headers(), release);
    if !verdict.is_welcome() {
        shared.counters.refused();
    }
    // Who shows nothing learns nothing, not even which paths there are.
    if verdict == Verdict::Missing {
        return Ok(refusal::no_token().map(Sent::from));
    }
    if url::path(uri.path()).is_none() {
        return Ok(refusal::bad_path(release).map(Sent::from));
    }
    if (route.is_none() && !is_health) || request.method() != Method::GET {
        shared.counters.not_found();
        let refused = match route {
            Some(route) => refusal::wrong_method(route.face.release),
            None => refusal::not_found(served.release()),
        };
        return Ok(refused.map(Sent::from));
    }
    let Some(route) = route else { return Ok(answer::bare(StatusCode::NO_CONTENT).map(Sent::from)) };
    if !body.is_empty() && shared.manners.refuses_bodies {
        return Ok(refusal::unwanted_body().map(Sent::from));
    }
    if let Some(refused) = bad_body(&request, &body, release) {
        return Ok(refused.map(Sent::from));
    }
    if uri.query().is_some_and(|query| url::parameters(query).is_none()) {
        return Ok(refusal::bad_query(release).map(Sent::from));
    }
    let Some(format) = wanted_format(&request, release) else {
        return Ok(refusal::unknown_kind(release).map(Sent::from));
    };
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
            let answer = usual(&simulator, route, format, strike.kind(), verdict).await;
            match &strike.fault {
                Some(fault) => fault.dress(answer, endpoint, ending).await,
                None => answer.map(Sent::from),
            }
        }
    };
    sent.body_mut().hold(in_flight);
    Ok(sent)
}

/// What slurmrestd would say, to this fault if there is one.
async fn usual(
    simulator: &Simulator,
    route: Route,
    format: Format,
    fault: Option<FaultKind>,
    verdict: Verdict,
) -> Answer {
    let shared = &simulator.0;
    let fails = |why| refused(shared, &route, why);
    let asks_somebody = route.endpoint != Endpoint::OpenApi;
    let asks_slurmctld = asks_somebody && !route.endpoint.is_accounting();
    match fault {
        Some(FaultKind::Unauthorized) => refusal::no_token(),
        Some(FaultKind::VersionNotFound) => refusal::not_found(route.face.release),
        Some(FaultKind::InternalError) => fails(Trouble::Unspecified),
        Some(FaultKind::BadGateway) => fails(Trouble::NoController),
        Some(FaultKind::AuthenticationRequired) => fails(Trouble::BadToken),
        Some(FaultKind::ControllerDown) if asks_slurmctld => trouble(shared, &route, Trouble::NoController),
        Some(FaultKind::TokenExpired) if asks_somebody => trouble(shared, &route, Trouble::BadToken),
        _ if asks_somebody && verdict == Verdict::Refused => trouble(shared, &route, Trouble::BadToken),
        // Recorded answers hold no partitions for that case.
        Some(FaultKind::DatabaseDown) if route.endpoint.is_accounting() || shared.replay.is_some() => {
            fails(Trouble::NoDatabase)
        }
        _ if route.endpoint == Endpoint::DbDiag && !may_see_counters(&route, verdict) => {
            let refusal = refusal::denied(route.face.release);
            refusal.answer(&shared.cluster(), route.face, route.endpoint, shared.style)
        }
        _ => match &shared.replay {
            Some(replay) => replay.answer(&route),
            None => data(simulator, route, format, fault).await,
        },
    }
}

/// 22.05 was seen with others than administrators only.
fn may_see_counters(route: &Route, verdict: Verdict) -> bool {
    verdict == Verdict::Administrator && route.face.release > Release::S22_05
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
}

/// The first format of `Accept` that the release writes; JSON for those who do not care.
fn wanted_format(request: &Request<()>, release: Release) -> Option<Format> {
    let Some(accept) = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Some(Format::Json);
    };
    let mut kinds = accept.split(',').map(|part| part.split(';').next().unwrap_or("").trim());
    kinds.find_map(|kind| match kind {
        "" | "*/*" | "application/*" | "application/json" => Some(Format::Json),
        "application/yaml" if release > Release::S22_05 => Some(Format::Yaml),
        _ => None,
    })
}

/// What is said to a body that cannot be read, though nobody asks for one.
fn bad_body(request: &Request<()>, body: &[u8], release: Release) -> Option<Answer> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match kind.map(|kind| kind.split(';').next().unwrap_or("").trim()) {
        _ if body.is_empty() => None,
        None | Some("application/x-www-form-urlencoded") => {
            let is_form = std::str::from_utf8(body).is_ok_and(|body| url::parameters(body).is_some());
            (!is_form).then(|| refusal::bad_query(release))
        }
        Some("application/json") => {
            let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
            (!is_json).then(|| refusal::bad_json(release))
        }
        Some("application/yaml" | "application/x-yaml" | "text/yaml") => None,
        Some(_) => Some(refusal::unknown_body(release)),
    }
}

/// No data, for this reason.
fn refused(shared: &Shared, route: &Route, trouble: Trouble) -> Answer {
    Refusal::because(route, trouble).answer(&shared.cluster(), route.face, route.endpoint, shared.style)
}

/// The answer in this trouble; from 24.11 on `/ping` itself succeeds and says so.
fn trouble(shared: &Shared, route: &Route, trouble: Trouble) -> Answer {
    let is_told = route.endpoint == Endpoint::Ping
        && trouble != Trouble::Unspecified
        && route.face.release > Release::S22_05;
    if !is_told {
        return refused(shared, route, trouble);
    }
    let mut page = Page::new(route.face, route.endpoint, shared.style);
    page.controller_trouble = Some(trouble.of_ping());
    let mut body = Vec::new();
    page.write(&shared.cluster(), &mut body);
    answer::json(StatusCode::OK, AnswerBody::whole(body))
}

/// The usual case: a worker builds the answer, in the time that a real one would take.
async fn data(simulator: &Simulator, route: Route, format: Format, fault: Option<FaultKind>) -> Answer {
    let shared = &simulator.0;
    let begin = Instant::now();
    let cluster = match rpc_of(route.endpoint) {
        Some(rpc) => shared.cluster_with_rpcs(rpc, route.endpoint == Endpoint::Diag),
        None => shared.cluster(),
    };
    let pace = shared.latency.pace(&route, &cluster, shared.counters.in_flight());
    let worker = match pace {
        // The semaphore is never closed.
        Some(Pace::Queued(_)) => shared.workers.acquire().await.ok(),
        Some(Pace::Shared(_)) | None => None,
    };
    let begin_work = Instant::now();
    // Seen: a job is looked for before the query is read.
    let first = match route.endpoint {
        Endpoint::Job => lookup::select(&route, &Query::default(), &cluster).map(drop),
        _ => Ok(()),
    };
    let asked = first
        .and_then(|()| query::understand(&route, cluster.now_unix()))
        .and_then(|query| Ok((lookup::select(&route, &query, &cluster)?, query)));
    let answer = match asked {
        Ok((selection, mut query)) => {
            // What is to show a fault has to have a body.
            query.update_time = query.update_time.filter(|_| fault.is_none());
            let mut page = Page::new(route.face, route.endpoint, shared.style);
            (page.rows, page.jobs) = (selection.rows, selection.jobs);
            page.find_no_jobs();
            let tells_associations = ["with_assocs", "WithAssociations"];
            page.with_associations =
                query.values.iter().any(|(key, _)| tells_associations.contains(&key.as_str()));
            if fault == Some(FaultKind::DatabaseDown) {
                let (problem, warning) = refusal::no_tres();
                page.problems.push(problem);
                page.warnings.push(warning);
            }
            page.failed_over = fault == Some(FaultKind::FailOver);
            answered(shared, &route, query, page, cluster, format).await
        }
        Err(refusal) => refusal.answer(&cluster, route.face, route.endpoint, shared.style),
    };
    if let Some(Pace::Queued(time) | Pace::Shared(time)) = pace {
        latency::sleep_until(begin_work + time).await;
    }
    drop(worker);
    tracing::debug!(endpoint = %route.endpoint, api = %route.face.api, took = ?begin.elapsed(), "answered");
    answer
}

async fn answered(
    shared: &Arc<Shared>,
    route: &Route,
    query: Query,
    mut page: Page,
    cluster: Arc<Cluster>,
    format: Format,
) -> Answer {
    page.warnings.extend(query.warnings);
    page.problems.extend(query.problems);
    if let Some(since) = query.update_time.filter(|since| is_unchanged(route.endpoint, *since, &cluster)) {
        if route.endpoint != Endpoint::Jobs || route.face.release == Release::S22_05 {
            return answer::bare(StatusCode::NOT_MODIFIED);
        }
        page.warnings.push(query::no_job_changes(since));
        let mut body = Vec::new();
        page.write_unchanged_jobs(&cluster, &mut body);
        return answer::json(StatusCode::OK, AnswerBody::whole(body));
    }
    if format == Format::Yaml {
        let mut body = Vec::new();
        page.write(&cluster, &mut body);
        return answer::yaml(super::yaml::from_json(&body));
    }
    if route.endpoint == Endpoint::OpenApi {
        let served = shared.served.clone();
        let document = tokio::task::spawn_blocking(move || openapi::document(&served, &cluster));
        return match document.await {
            Ok(body) => answer::json(StatusCode::OK, AnswerBody::whole(body)),
            Err(_) => trouble(shared, route, Trouble::Unspecified),
        };
    }
    // Errors beside data, and yet all of the data.
    let (status, said) = match page.problems.first() {
        // Recorded: 22.05 finds no wckeys or no jobs, or does not know a parameter for accounts, and yet succeeds.
        Some(_) if route.face.release == Release::S22_05 && route.endpoint != Endpoint::DbWckeys => {
            (StatusCode::OK, None)
        }
        Some(problem) => (StatusCode::INTERNAL_SERVER_ERROR, Some(Again(problem.error.to_owned()))),
        None => (StatusCode::OK, None),
    };
    // Counting 100,000 jobs takes a moment; other connections must not wait for it.
    let counting = Arc::clone(&cluster);
    let counted = tokio::task::spawn_blocking(move || {
        let length = page.len(&counting);
        (page, length)
    });
    match counted.await {
        Ok((page, length)) => {
            let mut answer = answer::json(status, AnswerBody::page(page, cluster, length));
            if let Some(again) = said {
                answer.extensions_mut().insert(again);
            }
            answer
        }
        Err(_) => trouble(shared, route, Trouble::Unspecified),
    }
}

fn is_unchanged(endpoint: Endpoint, since: u64, cluster: &Cluster) -> bool {
    match endpoint {
        Endpoint::Jobs => since > cluster.jobs_changed_unix(),
        Endpoint::Partitions => since > cluster.started_unix(),
        // Registrations and pings of nodes touch their table all the time.
        Endpoint::Nodes | Endpoint::Reservations => since > cluster.now_unix(),
        _ => false,
    }
}

/// What slurmctld is asked; nothing for what slurmdbd answers, or slurmrestd itself.
fn rpc_of(endpoint: Endpoint) -> Option<Rpc> {
    Some(match endpoint {
        Endpoint::Ping => Rpc::Ping,
        Endpoint::Diag => Rpc::Stats,
        Endpoint::Nodes | Endpoint::Node => Rpc::NodeInfo,
        Endpoint::Jobs | Endpoint::Job => Rpc::JobInfo,
        Endpoint::JobsState => Rpc::JobState,
        Endpoint::Partitions | Endpoint::Partition => Rpc::PartitionInfo,
        _ => return None,
    })
}
