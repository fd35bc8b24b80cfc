//! The troubles of a scenario, brought about while the load runs: faults by the simulator's control port, and token changes.
//! What they do to the exporter is the load's to find out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::secret::SecretFile;
use crate::scenario::{Scenario, TokenChange};
use crate::stop::{Reason, Stop};

/// Tokens outlive any run.
pub(super) const LIFESPAN_SECONDS: u64 = 604_800;

/// The simulator's control port, and the file that the exporter reads its token from.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) control: Url,
    pub(super) client: Client,
    pub(super) token: SecretFile,
}

impl Trouble {
    /// Announces all faults of the scenario; their times count from now.
    ///
    /// # Errors
    /// When the simulator does not know such a fault.
    pub(super) async fn plan(&self, scenario: &Scenario) -> anyhow::Result<()> {
        if scenario.faults.is_empty() {
            return Ok(());
        }
        let orders: Vec<Value> = scenario.faults.iter().map(|fault| fault.order(scenario.warmup)).collect();
        self.post("/sim/fault", &json!(orders)).await.map(|_| ()).context("the faults of the scenario")
    }

    /// Changes the tokens when their time has come, then waits for ever. What cannot be done is a reason to stop.
    pub(super) async fn change_tokens(
        &self,
        scenario: &Scenario,
        start: Instant,
        stop: &Stop,
    ) -> std::convert::Infallible {
        for change in &scenario.tokens {
            if let Err(error) = self.change_token(*change, start + scenario.warmup).await {
                stop.request(Reason::StackBroken(format!("the token could not be changed: {error:#}")));
            }
        }
        std::future::pending().await
    }

    async fn change_token(&self, change: TokenChange, measured_from: Instant) -> anyhow::Result<()> {
        tokio::time::sleep_until((measured_from + change.at).into()).await;
        let order =
            json!({"action": change.action.word(), "user": super::SLURM_USER, "lifespan": LIFESPAN_SECONDS});
        let answer = self.post("/sim/token", &order).await?;
        let fresh =
            answer.get("token").and_then(Value::as_str).context("the answer has no token")?.to_owned();
        tokio::time::sleep(change.noticed_after).await;
        self.token.replace(fresh.as_bytes())
    }

    /// How often each kind of fault has struck since the start.
    pub(super) async fn struck(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let url = self.control.join("/sim/requests")?;
        let text = crate::oracle::fetch(&self.client, url).await?;
        let answer: Value = serde_json::from_str(&text).context("/sim/requests is not JSON")?;
        serde_json::from_value(answer["struck"].clone()).context("/sim/requests has no counts of faults")
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = self.control.join(path)?;
        let request = self.client.post(url.clone()).timeout(Duration::from_secs(10)).body(body.to_string());
        let answer = request.send().await.with_context(|| format!("{url} does not answer"))?;
        let status = answer.status();
        let text = answer.text().await.with_context(|| format!("{url} does not answer"))?;
        let answer: Value = serde_json::from_str(&text).with_context(|| format!("{url}: no JSON"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => bail!("the simulator refuses: {error}"),
            None if !status.is_success() => bail!("{url} answers {status}"),
            None => Ok(answer),
        }
    }
}
