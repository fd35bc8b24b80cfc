//! A plan as JSON, as Markdown and as a patch for kubectl.
//! Every format has the same figures; none adds any.

use reports::model::Plan;
use reports::model::plan::{Basis, Recommendation};
use reports::quantity::number;
use serde_json::json;

use crate::policy::MIB;

/// The container that a patch changes.
const CONTAINER: &str = "slurm-exporter";

/// The document itself, indented.
pub(crate) fn json(plan: &Plan) -> String {
    let mut text = serde_json::to_string_pretty(plan).expect("a plan has no keys but strings");
    text.push('\n');
    text
}

/// A table with the reasons below it.
pub(crate) fn markdown(plan: &Plan) -> String {
    let mut text = String::from("# Capacity plan\n\n");
    if plan.recommendations.is_empty() {
        text += "No recommendation.\n";
    } else {
        text += "| size class | basis | strategy | replicas | CPU request | CPU limit | memory request | memory limit |\n";
        text += "|---|---|---|---:|---:|---:|---:|---:|\n";
    }
    for recommended in &plan.recommendations {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            recommended.size_class,
            basis(recommended.basis),
            recommended.strategy,
            recommended.replicas,
            cpu(recommended.cpu_request_millicores),
            cpu(recommended.cpu_limit_millicores),
            memory(recommended.memory_request_bytes),
            memory(recommended.memory_limit_bytes)
        );
    }
    for recommended in &plan.recommendations {
        text += &format!("\n## {}\n\n", recommended.size_class);
        for reason in &recommended.reasons {
            text += &format!("- {reason}\n");
        }
        let figures: Vec<String> = recommended
            .evidence
            .iter()
            .map(|(name, figure)| format!("`{name}` {}", number(*figure)))
            .collect();
        text += &format!("- evidence: {}\n", figures.join(", "));
    }
    if !plan.notes.is_empty() {
        text += "\n## Notes\n\n";
        text.extend(plan.notes.iter().map(|note| format!("- {note}\n")));
    }
    if !plan.runs.is_empty() {
        text += &format!("\nRuns: {}\n", plan.runs.join(", "));
    }
    text
}

/// A strategic merge patch of the exporter's Deployment.
pub(crate) fn kubectl_patch(recommended: &Recommendation) -> String {
    let patch = json!({"spec": {
        "replicas": recommended.replicas,
        "template": {"spec": {"containers": [{
            "name": CONTAINER,
            "resources": {
                "requests": {
                    "cpu": cpu(recommended.cpu_request_millicores),
                    "memory": memory(recommended.memory_request_bytes),
                },
                "limits": {
                    "cpu": cpu(recommended.cpu_limit_millicores),
                    "memory": memory(recommended.memory_limit_bytes),
                },
            },
        }]}},
    }});
    format!("{patch:#}\n")
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::Extrapolated => "extrapolated",
    }
}

fn cpu(millicores: u32) -> String {
    format!("{millicores}m")
}

/// Kubernetes' quantity; policy steps are whole MiB.
fn memory(bytes: u64) -> String {
    format!("{}Mi", bytes / MIB)
}
