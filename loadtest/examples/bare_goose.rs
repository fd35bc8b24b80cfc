//! Goose alone, asking as fast as it can and reading each body: what `benchmarks/measure-generator.sh` compares with.
//! Usage: bare_goose URL USERS SECONDS. Prints how many requests it made.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use goose::config::GooseConfiguration;
use goose::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, users, seconds] = &arguments[..] else {
        anyhow::bail!("usage: bare_goose URL USERS SECONDS")
    };
    let requests = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&requests);
    let function: TransactionFunction = Arc::new(move |user| {
        let counted = Arc::clone(&counted);
        Box::pin(async move {
            let answer = user.get("").await?;
            if let Ok(body) = answer.response {
                // Reading the body is part of the request, here as there.
                if body.bytes().await.is_ok() {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        })
    });
    let options =
        ["--quiet", "--no-telnet", "--no-websocket", "--no-print-metrics", "--host", url, "--users", users];
    let pace = format!("{}", users.parse::<u32>().context("USERS")? * 1000);
    let time = format!("{seconds}s");
    let all: Vec<&str> = options.into_iter().chain(["--increase-rate", &pace, "--run-time", &time]).collect();
    let configuration = GooseConfiguration::parse_args_default(&all)?;
    let scenario = scenario!("page").register_transaction(Transaction::new(function));
    GooseAttack::initialize_with_config(configuration)?.register_scenario(scenario).execute().await?;
    writeln!(std::io::stdout(), "requests {}", requests.load(Ordering::Relaxed))?;
    Ok(())
}
