//! The simulator knows the truth; a few facts of the exporter's page are held against it after the load.
//! Only facts that do not move while the cluster lives are compared exactly.

use anyhow::Context as _;
use reqwest::{Client, Url};
use serde_json::Value;

use crate::exposition;

/// Where a fact stands: on the page as a sum over a family, in the oracle as a JSON pointer.
struct Fact {
    name: &'static str,
    family: &'static str,
    pointer: &'static str,
}

/// All facts that are compared. Names of both sides stand here and nowhere else.
const FACTS: &[Fact] = &[Fact { name: "nodes", family: "slurm_nodes_total", pointer: "/nodes/total" }];

/// The outcome of the comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) compared: u64,
    /// One sentence per fact that differs.
    pub(crate) mismatches: Vec<String>,
}

/// Fetches the page and the oracle's state and compares them.
///
/// # Errors
/// When one of them cannot be fetched or read.
pub(crate) async fn compare(client: &Client, metrics: &Url, control: &Url) -> anyhow::Result<Comparison> {
    let page = fetch(client, metrics.clone()).await?;
    let state = fetch(client, control.join("/sim/state")?).await?;
    let state = serde_json::from_str(&state).context("/sim/state is not JSON")?;
    Ok(facts(&page, &state))
}

/// The number of nodes on a page, when it has the family.
pub(crate) fn nodes(page: &str) -> Option<u64> {
    sum(page, FACTS[0].family).map(|nodes| nodes as u64)
}

/// The body of an answer with status 200, uncompressed.
pub(crate) async fn fetch(client: &Client, url: Url) -> anyhow::Result<String> {
    let answer = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
    let text = async { answer?.text().await };
    text.await.with_context(|| format!("failed to fetch {url}"))
}

fn facts(page: &str, state: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    for fact in FACTS {
        comparison.compared += 1;
        let truth = state.pointer(fact.pointer).and_then(Value::as_f64);
        let shown = sum(page, fact.family);
        if truth.is_none() || truth != shown {
            let word = |number: Option<f64>| number.map_or("nothing".into(), |number| number.to_string());
            comparison.mismatches.push(format!(
                "{}: the page says {} ({}), the simulator {} ({})",
                fact.name,
                word(shown),
                fact.family,
                word(truth),
                fact.pointer
            ));
        }
    }
    comparison
}

fn sum(page: &str, family: &str) -> Option<f64> {
    let values = exposition::samples(page).filter(|sample| sample.name == family).map(|sample| sample.value);
    values.reduce(|all, value| all + value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PAGE: &str = "slurm_nodes_total{state=\"idle\"} 90\nslurm_nodes_total{state=\"down\"} 10\n";

    #[test]
    fn states_sum_to_the_number_of_nodes() {
        assert_eq!(nodes(PAGE), Some(100));
        assert_eq!(nodes("up 1\n"), None);
        let comparison = facts(PAGE, &json!({"nodes": {"total": 100}}));
        assert_eq!(comparison, Comparison { compared: 1, mismatches: vec![] });
    }

    #[test]
    fn a_difference_and_a_missing_figure_are_mismatches() {
        let differs = facts(PAGE, &json!({"nodes": {"total": 99}}));
        assert_eq!(
            differs.mismatches,
            ["nodes: the page says 100 (slurm_nodes_total), the simulator 99 (/nodes/total)"]
        );
        assert_eq!(facts("up 1\n", &json!({})).mismatches.len(), 1);
    }
}
