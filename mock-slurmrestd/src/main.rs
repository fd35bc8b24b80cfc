//! mock-slurmrestd: start a simulated cluster, bind, say where, serve until told to stop.
//! Not here: anything that a test cannot reach through the library.

mod cli;

use cli::{Command, Serve};
use mock_slurmrestd::http::{self, Simulator};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: u8 = 2;
const COULD_NOT_RUN: u8 = 4;

fn main() -> ExitCode {
    let cli = cli::parse();
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let result = match &cli.command {
        Some(Command::Token { jwt_key, user, lifespan }) => print_token(jwt_key, user, *lifespan),
        None => cli.serve.config().map_err(|error| (USAGE, error)).and_then(|config| run(&cli.serve, config)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            let _ = writeln!(io::stderr(), "mock-slurmrestd: {error:#}");
            ExitCode::from(code)
        }
    }
}

type Outcome = Result<(), (u8, anyhow::Error)>;

fn print_token(key: &std::path::Path, user: &str, lifespan: u64) -> Outcome {
    let token = cli::read_key(key).and_then(|key| Ok(http::token(&key, user, cli::unix_now()?, lifespan)?));
    let token = token.map_err(|error| (USAGE, error))?;
    writeln!(io::stdout(), "{token}").map_err(|error| (COULD_NOT_RUN, error.into()))
}

#[tokio::main]
async fn run(serve: &Serve, config: http::Config) -> Outcome {
    serve_until_signal(serve, config).await.map_err(|error| (COULD_NOT_RUN, error))
}

async fn serve_until_signal(serve: &Serve, config: http::Config) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = bind(serve.listen).await?;
    let control = match serve.control {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let mut out = io::stdout();
    writeln!(out, "listening on http://{}", listener.local_addr()?)?;
    if let Some(control) = &control {
        writeln!(out, "control on http://{}", control.local_addr()?)?;
    }
    out.flush()?;
    let simulator = Simulator::new(config);
    let controlled = async {
        match control {
            Some(control) => simulator.clone().serve_control(control, std::future::pending()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = simulator.clone().serve(listener, std::future::pending()) => result?,
        result = controlled => result?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| anyhow::anyhow!("cannot listen on {address}: {error}"))
}
