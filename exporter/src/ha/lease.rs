//! A Kubernetes Lease (`coordination.k8s.io/v1`): its holder leads, and renews it for as long as it does.
//! Three requests with the pod's own account: get, create, replace. A replace names the version that it was made
//! from, so that of two that race the API server refuses one. Who may do what is in `candidacy`.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use jiff::Timestamp;
use reqwest::{Certificate, Client, redirect};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::candidacy::{Candidacy, Spec, Step};
use super::{HaError, Role};
use crate::config::Ha;

/// An answer of the API server that is longer than this is no Lease.
const LONGEST_ANSWER: usize = 1 << 20;

/// The Lease as the API server has it. What is not ours in it goes back as it came.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    metadata: Map<String, Value>,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug)]
pub(super) struct Lease {
    candidacy: Candidacy,
    /// As the API server had it when we wrote or read it last; none when it has to be read first.
    known: Option<Object>,
    name: String,
    namespace: String,
    /// Of all Leases in the namespace.
    url: String,
    account: PathBuf,
    /// With the CA that it trusts.
    client: Option<(String, Client)>,
}

/// Why a request had no good answer.
#[derive(Debug)]
enum Refusal {
    /// Another one was faster.
    Conflict,
    NotFound(HaError),
    Other(HaError),
}

impl Lease {
    pub(super) fn new(ha: &Ha, me: String) -> Result<Self, HaError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (host, port) = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT");
        let host = variable(host).ok_or(HaError::NoPod(host))?;
        let port = variable(port).ok_or(HaError::NoPod(port))?;
        let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host };
        let (namespace, name) = match ha.lease.split_once('/') {
            Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
            None => (read(&ha.service_account.join("namespace"))?, ha.lease.clone()),
        };
        let url = format!("https://{host}:{port}/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        let account = ha.service_account.clone();
        let candidacy = Candidacy::new(me, ha.lease_duration);
        let mut lease = Self { candidacy, known: None, name, namespace, url, account, client: None };
        // What is wrong with the account should be known before anything starts.
        read(&lease.account.join("token"))?;
        lease.client()?;
        Ok(lease)
    }

    /// How often to try, or to renew.
    pub(super) fn every(&self) -> Duration {
        self.candidacy.every()
    }

    /// Takes, renews or awaits the Lease.
    pub(super) async fn attempt(&mut self) -> (Role, Option<HaError>) {
        let begun = Instant::now();
        let until = self.candidacy.attempt_until(begun);
        let failed = match timeout_at(until, self.try_to_lead(begun)).await {
            Ok(outcome) => outcome.err(),
            Err(_) => {
                // Whether a replacement arrived is not known.
                self.known = None;
                Some(self.failed("read or replace", "no answer in time".to_owned()))
            }
        };
        (self.candidacy.role(Instant::now()), failed)
    }

    async fn try_to_lead(&mut self, begun: Instant) -> Result<(), HaError> {
        if self.known.is_none() {
            self.known = match self.request(Method::GET, "read", None).await {
                Ok(object) => Some(object),
                Err(Refusal::NotFound(_)) => None,
                Err(Refusal::Conflict) => return Ok(()),
                Err(Refusal::Other(error)) => return Err(error),
            };
        }
        let known = self.known.take();
        let step = self.candidacy.step(known.as_ref().map(|known| &known.spec), begun, Timestamp::now());
        let written = match (step, known) {
            (Step::Create(spec), _) => {
                let object = self.new_object(spec);
                self.request(Method::POST, "create", Some(&object)).await
            }
            (Step::Replace(spec), Some(known)) => {
                self.request(Method::PUT, "replace", Some(&Object { spec, ..known })).await
            }
            (Step::Wait | Step::Replace(_), _) => return Ok(()),
        };
        match written {
            Ok(object) => {
                self.candidacy.won(begun);
                self.known = Some(object);
                Ok(())
            }
            // What is there now is seen at the next attempt.
            Err(Refusal::Conflict) => Ok(()),
            Err(Refusal::NotFound(error) | Refusal::Other(error)) => Err(error),
        }
    }

    /// Gives it back, if it is ours.
    pub(super) async fn release(&mut self) {
        let leads = self.candidacy.role(Instant::now()).leads();
        let Some(object) = self.known.take().filter(|_| leads) else { return };
        let spec = self.candidacy.resign(object.spec, Timestamp::now());
        let free = Object { spec, ..object };
        match self.request(Method::PUT, "give back", Some(&free)).await {
            Ok(_) => tracing::info!("gave the Lease back"),
            // Another one has it.
            Err(Refusal::Conflict) => {}
            Err(Refusal::NotFound(error) | Refusal::Other(error)) => tracing::warn!("{error}"),
        }
    }

    fn new_object(&self, spec: Spec) -> Object {
        let metadata = [("name", &self.name), ("namespace", &self.namespace)];
        Object {
            api_version: "coordination.k8s.io/v1".to_owned(),
            kind: "Lease".to_owned(),
            metadata: metadata
                .map(|(key, text)| (key.to_owned(), text.as_str().into()))
                .into_iter()
                .collect(),
            spec,
        }
    }

    async fn request(
        &mut self,
        method: Method,
        action: &'static str,
        body: Option<&Object>,
    ) -> Result<Object, Refusal> {
        // Read each time: Kubernetes replaces it every hour or so.
        let token = read(&self.account.join("token")).map_err(Refusal::Other)?;
        let client = self.client().map_err(Refusal::Other)?;
        let url = match method {
            Method::POST => self.url.clone(),
            _ => format!("{}/{}", self.url, self.name),
        };
        let mut request = client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            let text = serde_json::to_vec(body).expect("a Lease that was read can be written");
            request = request.header(CONTENT_TYPE, "application/json").body(text);
        }
        let failed = |message: String| self.failed(action, message);
        let answer = async {
            let mut answer = request.send().await?;
            let mut text = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                text.extend_from_slice(&chunk);
                if text.len() > LONGEST_ANSWER {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((answer.status(), text))
        };
        let (status, text) = answer.await.map_err(|error| Refusal::Other(failed(with_causes(&error))))?;
        if status.is_success() {
            return serde_json::from_slice(&text)
                .map_err(|error| Refusal::Other(failed(format!("the answer is no Lease: {error}"))));
        }
        let refused = failed(format!("{status}: {}", message_of(&text)));
        Err(match status {
            StatusCode::CONFLICT => Refusal::Conflict,
            StatusCode::NOT_FOUND => Refusal::NotFound(refused),
            _ => Refusal::Other(refused),
        })
    }

    /// A client that trusts the API server's CA, as the file has it now, and no other.
    fn client(&mut self) -> Result<Client, HaError> {
        let path = self.account.join("ca.crt");
        let pem = read(&path)?;
        if let Some((trusted, client)) = &self.client
            && *trusted == pem
        {
            return Ok(client.clone());
        }
        let unusable = |message| HaError::ServiceAccount { path: path.display().to_string(), message };
        let bundle =
            Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        if bundle.is_empty() {
            return Err(unusable("holds no certificate".to_owned()));
        }
        let client = Client::builder()
            .user_agent(concat!("slurm-exporter/", env!("CARGO_PKG_VERSION")))
            .tls_certs_only(bundle)
            .https_only(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| unusable(with_causes(&error)))?;
        self.client = Some((pem, client.clone()));
        Ok(client)
    }

    fn failed(&self, action: &'static str, message: String) -> HaError {
        HaError::Lease { action, lease: format!("{}/{}", self.namespace, self.name), message }
    }
}

/// A file of the pod's account.
fn read(path: &Path) -> Result<String, HaError> {
    let text = std::fs::read_to_string(path).map_err(|error| HaError::ServiceAccount {
        path: path.display().to_string(),
        message: error.to_string(),
    })?;
    Ok(text.trim().to_owned())
}

/// What a `Status` of the API server says, or the beginning of whatever else it answered.
fn message_of(text: &[u8]) -> String {
    let status: Option<Map<String, Value>> = serde_json::from_slice(text).ok();
    let message = status.as_ref().and_then(|status| status.get("message")).and_then(Value::as_str);
    message.map_or_else(|| String::from_utf8_lossy(text).chars().take(200).collect(), str::to_owned)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
