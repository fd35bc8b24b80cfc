//! mock-slurmrestd: start a simulated cluster, bind, say where, serve until told to stop.
//! Not here: anything that a test cannot reach through the library.

mod cli;

use cli::{Command, Serve};
use mock_slurmrestd::http::{Config, Simulator};
use std::io::{self, Write};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = cli::parse();
    // A closed stderr must not end the process.
    tracing_subscriber::fmt().with_writer(io::stderr).log_internal_errors(false).init();
    let outcome = match &cli.command {
        Some(Command::Token { jwt_key, user, lifespan }) => cli::print_token(jwt_key, user, *lifespan),
        Some(Command::Faults) => cli::print_faults(),
        None => cli.serve.config().map_err(cli::usage).and_then(|config| run(&cli.serve, config)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            let _ = writeln!(io::stderr(), "mock-slurmrestd: {error:#}");
            ExitCode::from(code)
        }
    }
}

#[tokio::main]
async fn run(serve: &Serve, config: Config) -> cli::Outcome {
    serve_until_signal(serve, config).await.map_err(cli::could_not_run)
}

async fn serve_until_signal(serve: &Serve, config: Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (listener, control) = cli::bind(serve).await?;
    let simulator = Simulator::new(config);
    let never = std::future::pending::<()>;
    let controlled = async {
        match control {
            Some(control) => simulator.clone().serve_control(control, never()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = simulator.clone().serve(listener, never()) => result?,
        result = controlled => result?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
