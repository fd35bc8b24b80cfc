//! As much of a Kubernetes API server as a Lease needs, over TLS: `coordination.k8s.io/v1` with its versions, conflicts
//! and checks, and the account of a pod. Written from the API's reference, not from what the exporter sends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, to_bytes};
use http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::web_config::Folder;

const NAMESPACE: &str = "monitoring";

/// A running API server; dropping it ends it.
pub(crate) struct ApiServer {
    state: Arc<Mutex<State>>,
    port: u16,
    folder: Folder,
    _runtime: Runtime,
}

#[derive(Default)]
struct State {
    /// By namespace and name.
    leases: BTreeMap<(String, String), Value>,
    /// The cluster has one counter for all objects.
    version: u64,
    token: String,
    /// Method and outcome of each request.
    log: Vec<(Method, StatusCode)>,
    is_deaf: bool,
}

impl ApiServer {
    /// None where openssl is missing (and may be).
    pub(crate) fn start() -> Option<Self> {
        let folder = Folder::new()?;
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        runtime.spawn(accept(listener, acceptor(&folder), Arc::clone(&state)));
        let server = Self { state, port, folder, _runtime: runtime };
        fs::create_dir(server.account()).unwrap();
        fs::copy(server.folder.path("ca.pem"), server.account().join("ca.crt")).unwrap();
        fs::write(server.account().join("namespace"), NAMESPACE).unwrap();
        server.rotate_token("first");
        Some(server)
    }

    /// Where the pods find their account.
    pub(crate) fn account(&self) -> PathBuf {
        self.folder.path("serviceaccount")
    }

    /// What the kubelet gives every container.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_owned()),
            ("KUBERNETES_SERVICE_PORT", self.port.to_string()),
        ]
    }

    /// From now on only this token is good.
    pub(crate) fn rotate_token(&self, token: &str) {
        fs::write(self.account().join("token"), token).unwrap();
        self.state().token = token.to_owned();
    }

    /// Whether to leave every request without an answer.
    pub(crate) fn set_deaf(&self, is_deaf: bool) {
        self.state().is_deaf = is_deaf;
    }

    /// The spec of a Lease.
    pub(crate) fn spec(&self, name: &str) -> Option<Value> {
        self.state().leases.get(&(NAMESPACE.to_owned(), name.to_owned())).map(|lease| lease["spec"].clone())
    }

    pub(crate) fn holder(&self, name: &str) -> Option<String> {
        Some(self.spec(name)?["holderIdentity"].as_str()?.to_owned())
    }

    /// How many requests of this kind ended so.
    pub(crate) fn count(&self, method: &Method, status: StatusCode) -> usize {
        self.state().log.iter().filter(|logged| **logged == (method.clone(), status)).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn acceptor(folder: &Folder) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(folder.path("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            // A client that does not trust us, or is killed, is part of some tests.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), 1 << 20).await.unwrap_or_default();
    if state.lock().unwrap().is_deaf {
        std::future::pending::<()>().await;
    }
    let mut state = state.lock().unwrap();
    let given = head.headers.get("authorization").and_then(|value| value.to_str().ok());
    let result = if given != Some(&format!("Bearer {}", state.token)) {
        Err((StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()))
    } else if !body.is_empty()
        && head.headers.get("content-type").is_none_or(|value| value != "application/json")
    {
        Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body of the request was in an unknown format".to_owned(),
        ))
    } else {
        state.handle(&head.method, head.uri.path(), &body)
    };
    let (status, object) = result.unwrap_or_else(|(status, message)| {
        let object = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "code": status.as_u16(),
        });
        (status, object)
    });
    state.log.push((head.method, status));
    let mut response = Response::new(Body::from(object.to_string()));
    *response.status_mut() = status;
    Ok(response)
}

type Answer = Result<(StatusCode, Value), (StatusCode, String)>;

impl State {
    fn handle(&mut self, method: &Method, path: &str, body: &[u8]) -> Answer {
        let no_route =
            || (StatusCode::NOT_FOUND, "the server could not find the requested resource".to_owned());
        let rest = path.strip_prefix("/apis/coordination.k8s.io/v1/namespaces/").ok_or_else(no_route)?;
        let parts: Vec<_> = rest.split('/').collect();
        match (method, parts.as_slice()) {
            (&Method::GET, [namespace, "leases", name]) => {
                let found = self.leases.get(&((*namespace).to_owned(), (*name).to_owned()));
                found.map(|lease| (StatusCode::OK, lease.clone())).ok_or_else(|| not_found(name))
            }
            (&Method::POST, [namespace, "leases"]) => {
                let lease = checked(namespace, body)?;
                let name = lease["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let key = ((*namespace).to_owned(), name.clone());
                if self.leases.contains_key(&key) {
                    let message = format!("leases.coordination.k8s.io \"{name}\" already exists");
                    return Err((StatusCode::CONFLICT, message));
                }
                if lease["metadata"].get("resourceVersion").is_some() {
                    let message = "resourceVersion should not be set on objects to be created".to_owned();
                    return Err((StatusCode::INTERNAL_SERVER_ERROR, message));
                }
                Ok((StatusCode::CREATED, self.store(key, lease)))
            }
            (&Method::PUT, [namespace, "leases", name]) => {
                let lease = checked(namespace, body)?;
                let key = ((*namespace).to_owned(), (*name).to_owned());
                let known = self.leases.get(&key).ok_or_else(|| not_found(name))?;
                if lease["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"] {
                    let message = format!(
                        "Operation cannot be fulfilled on leases.coordination.k8s.io \"{name}\": the object has been \
                         modified; please apply your changes to the latest version and try again"
                    );
                    return Err((StatusCode::CONFLICT, message));
                }
                assert_eq!(lease["metadata"]["uid"], known["metadata"]["uid"], "what is not ours goes back");
                Ok((StatusCode::OK, self.store(key, lease)))
            }
            _ => Err(no_route()),
        }
    }

    fn store(&mut self, key: (String, String), mut lease: Value) -> Value {
        self.version += 1;
        lease["metadata"]["resourceVersion"] = self.version.to_string().into();
        lease["metadata"]["uid"] = "6d1c1a4e-0000-4000-8000-000000000001".into();
        self.leases.insert(key, lease.clone());
        lease
    }
}

fn not_found(name: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("leases.coordination.k8s.io \"{name}\" not found"))
}

/// A Lease that passes what the API server checks.
fn checked(namespace: &str, body: &[u8]) -> Result<Value, (StatusCode, String)> {
    let bad = |message: &str| (StatusCode::BAD_REQUEST, message.to_owned());
    let invalid = |message: &str| (StatusCode::UNPROCESSABLE_ENTITY, message.to_owned());
    let lease: Value = serde_json::from_slice(body).map_err(|error| bad(&error.to_string()))?;
    if lease["apiVersion"] != "coordination.k8s.io/v1" || lease["kind"] != "Lease" {
        return Err(bad("no such kind"));
    }
    if lease["metadata"]["namespace"] != namespace {
        return Err(bad("the namespace of the object does not match the namespace of the request"));
    }
    let spec = lease["spec"].as_object().ok_or_else(|| bad("spec is no object"))?;
    for (field, value) in spec {
        let is_good = match field.as_str() {
            "holderIdentity" => value.is_string(),
            "leaseDurationSeconds" => value.as_u64().is_some_and(|seconds| seconds > 0),
            "leaseTransitions" => value.as_u64().is_some(),
            "acquireTime" | "renewTime" => value.as_str().is_some_and(is_micro_time),
            _ => false,
        };
        if !is_good {
            return Err(invalid(&format!("spec.{field}: Invalid value: {value}")));
        }
    }
    Ok(lease)
}

/// `2006-01-02T15:04:05.000000Z`, as Go writes it.
fn is_micro_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
    shape == "0000-00-00T00:00:00.000000Z"
}
