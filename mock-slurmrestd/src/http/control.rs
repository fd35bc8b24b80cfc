//! The control port: the oracle, the clock, faults and request counts, as JSON for tests and tools.
//! Not part of slurmrestd's face; it has no authentication, so it must listen on loopback only.

use super::Simulator;
use super::control_orders;
use super::faults::{Fault, FaultKind, Planned};
use crate::cluster::oracle::{Amount, PartitionCounts};
use crate::cluster::{Clock, Oracle};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const MAX_BODY: usize = 1 << 20;
const MAX_ADVANCE_SECONDS: f64 = 366.0 * 86_400.0;

/// Answers until the future is dropped.
pub(super) async fn serve(simulator: Simulator, listener: TcpListener) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let simulator = simulator.clone();
        tasks.spawn(async move {
            let service = service_fn(move |request| respond(simulator.clone(), request));
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "control connection ended");
            }
        });
        while tasks.try_join_next().is_some() {}
    }
}

async fn respond(
    simulator: Simulator,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let result = match body {
        Ok(body) => act(&simulator, &method, &path, &body.to_bytes()),
        Err(_) => Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large".to_owned())),
    };
    let (status, value) = match result {
        Ok(value) => (StatusCode::OK, value),
        Err((status, trouble)) => (status, json!({"error": trouble})),
    };
    let mut response = Response::new(Full::from(format!("{value:#}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

type Outcome<E = (StatusCode, String)> = Result<Value, E>;

fn act(simulator: &Simulator, method: &Method, path: &str, body: &[u8]) -> Outcome {
    let bad = |trouble: String| (StatusCode::BAD_REQUEST, trouble);
    match (method.as_str(), path) {
        ("GET", "/sim/state") => Ok(state(&simulator.oracle(), simulator.clock())),
        ("GET", "/sim/requests") => Ok(requests(simulator)),
        ("POST", "/sim/advance") => {
            let seconds = parse(body)?.get("seconds").and_then(Value::as_f64);
            let seconds = seconds.filter(|seconds| (0.0..=MAX_ADVANCE_SECONDS).contains(seconds));
            let seconds =
                seconds.ok_or_else(|| bad("expected {\"seconds\": N}, N from 0 to a year".to_owned()))?;
            simulator.advance(Duration::from_secs_f64(seconds));
            Ok(json!({"now_unix": simulator.cluster().now_unix()}))
        }
        ("POST", "/sim/clock") => {
            let clock = clock(&parse(body)?).map_err(bad)?;
            simulator.set_clock(clock);
            Ok(clock_json(clock))
        }
        ("POST", "/sim/fault") => {
            let faults = faults(&parse(body)?, simulator.0.elapsed()).map_err(bad)?;
            simulator.0.faults.replace(faults);
            Ok(requests(simulator))
        }
        ("POST", "/sim/submit") => control_orders::submit(&parse(body)?, simulator).map_err(bad),
        ("POST", "/sim/drain") => control_orders::drain(&parse(body)?, simulator).map_err(bad),
        ("POST", "/sim/token") => token(&parse(body)?, simulator).map_err(bad),
        (_, "/sim/state" | "/sim/requests") => Err((StatusCode::METHOD_NOT_ALLOWED, "only GET".to_owned())),
        (_, "/sim/advance" | "/sim/clock" | "/sim/drain" | "/sim/fault" | "/sim/submit" | "/sim/token") => {
            Err((StatusCode::METHOD_NOT_ALLOWED, "only POST".to_owned()))
        }
        _ => Err((
            StatusCode::NOT_FOUND,
            "expected GET /sim/state, GET /sim/requests, or POST to /sim/advance, /sim/clock, /sim/drain, \
             /sim/fault, /sim/submit or /sim/token"
                .to_owned(),
        )),
    }
}

fn parse(body: &[u8]) -> Outcome {
    serde_json::from_slice(body)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")))
}

fn clock(value: &Value) -> Result<Clock, String> {
    match (value.get("mode").and_then(Value::as_str), value.get("speed").and_then(Value::as_f64)) {
        (Some("explicit"), None) => Ok(Clock::Explicit),
        (Some("auto"), Some(speed)) if speed > 0.0 && speed <= 100_000.0 => Ok(Clock::Auto { speed }),
        _ => Err("expected {\"mode\": \"explicit\"} or {\"mode\": \"auto\", \"speed\": N}".to_owned()),
    }
}

/// A list of `{"kind": "latency", "ms": 500, "at": "5s", "for": "1m"}` with the keys of a schedule, where `at` counts
/// from now, or of the texts that `--fault` takes.
fn faults(value: &Value, now: Duration) -> Result<Vec<Planned>, String> {
    let list = value.as_array().ok_or("expected a list of faults, [] for none")?;
    list.iter().map(|value| fault(value, now)).collect()
}

fn fault(value: &Value, now: Duration) -> Result<Planned, String> {
    if let Some(text) = value.as_str() {
        return text.parse().map(|fault: Fault| fault.into()).map_err(|error| format!("{error}"));
    }
    let object = value.as_object().ok_or_else(|| format!("{value}: expected an object or a text"))?;
    let texts: Vec<(&str, String)> = object
        .iter()
        .map(|(key, setting)| {
            (key.as_str(), setting.as_str().map_or_else(|| setting.to_string(), str::to_owned))
        })
        .collect();
    let pairs: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let planned = Planned::read(&pairs).map_err(|trouble| format!("{value}: {trouble}"))?;
    Ok(Planned { from: now + planned.from, until: planned.until.map(|until| now + until), ..planned })
}

/// Expires all tokens or takes another key; gives a token that is good then.
fn token(value: &Value, simulator: &Simulator) -> Outcome<String> {
    const EXPECTED: &str = "expected {\"action\": \"expire\"} or {\"action\": \"rotate\"}, and if wanted \"user\": \"slurm\" and \
                            \"lifespan\": 3600 for the token in the answer";
    let user = match value.get("user") {
        None => "slurm",
        Some(user) => user.as_str().filter(|user| !user.is_empty()).ok_or(EXPECTED)?,
    };
    let lifespan = match value.get("lifespan") {
        None => 3_600,
        Some(lifespan) => lifespan.as_u64().filter(|seconds| *seconds > 0).ok_or(EXPECTED)?,
    };
    // Tokens live by the machine's clock, as on a real site.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs();
    let tokens = &simulator.0.tokens;
    let fresh = match value.get("action").and_then(Value::as_str) {
        Some("expire") => tokens.expire(user, now, lifespan)?,
        Some("rotate") => tokens.rotate(user, now, lifespan)?,
        _ => return Err(EXPECTED.to_owned()),
    };
    Ok(json!({"token": fresh}))
}

fn amount(amount: Amount) -> Value {
    json!({"total": amount.total, "allocated": amount.allocated})
}

fn partition(counts: &PartitionCounts) -> Value {
    json!({
        "nodes": counts.nodes,
        "nodes_by_base": counts.nodes_by_base,
        "cpus": amount(counts.cpus),
        "memory_bytes": amount(counts.memory_bytes),
        "gpus": amount(counts.gpus),
        "running": counts.running,
        "pending_by_reason": counts.pending_by_reason,
    })
}

fn clock_json(clock: Clock) -> Value {
    match clock {
        Clock::Auto { speed } => json!({"mode": "auto", "speed": speed}),
        Clock::Explicit => json!({"mode": "explicit"}),
    }
}

fn state(oracle: &Oracle, clock: Clock) -> Value {
    let partitions: Map<String, Value> =
        oracle.partitions.iter().map(|(name, counts)| (name.clone(), partition(counts))).collect();
    let licenses: BTreeMap<&str, Value> = oracle
        .licenses
        .iter()
        .map(|(name, counts)| {
            (*name, json!({"total": counts.total, "used": counts.used, "reserved": counts.reserved}))
        })
        .collect();
    json!({
        "now_unix": oracle.now_unix,
        "clock": clock_json(clock),
        "nodes": oracle.nodes,
        "nodes_by_base": oracle.nodes_by_base,
        "nodes_by_flag": oracle.nodes_by_flag,
        "cpus": amount(oracle.cpus),
        "memory_bytes": amount(oracle.memory_bytes),
        "gpus": amount(oracle.gpus),
        "jobs_by_state": oracle.jobs_by_state,
        "jobs_by_flag": oracle.jobs_by_flag,
        "licenses": licenses,
        "reservations": {"all": oracle.reservations, "active": oracle.reservations_active},
        "history": oracle.history,
        "pending_by_reason": oracle.pending_by_reason,
        "job_records": oracle.job_records,
        "partitions": partitions,
    })
}

fn requests(simulator: &Simulator) -> Value {
    let requests = simulator.requests();
    let endpoints: BTreeMap<&str, Value> = requests
        .endpoints
        .iter()
        .map(|(endpoint, counts)| {
            let counts = json!({
                "requests": counts.requests,
                "in_flight": counts.in_flight,
                "max_in_flight": counts.max_in_flight,
            });
            (endpoint.path(), counts)
        })
        .collect();
    let planned = simulator.0.faults.counts();
    let faults: Vec<Value> = planned
        .iter()
        .map(|(planned, count)| {
            let seconds = |time: Duration| time.as_secs_f64();
            json!({
                "fault": planned.fault.to_string(),
                "from": seconds(planned.from),
                "until": planned.until.map(seconds),
                "count": count,
            })
        })
        .collect();
    let struck = simulator.struck();
    let struck: BTreeMap<&str, u64> = FaultKind::ALL
        .into_iter()
        .map(|kind| (kind.word(), struck.get(&kind).copied().unwrap_or(0)))
        .collect();
    json!({
        "connections": requests.connections,
        "not_found": requests.not_found,
        "refused": requests.refused,
        "in_flight": requests.in_flight,
        "max_in_flight": requests.max_in_flight,
        "endpoints": endpoints,
        "faults": faults,
        "struck": struck,
    })
}
