//! Publishes synthetic series and serves them, or prints what encoding them costs (`--time`).
//! For measurements of exposition and server alone; it polls nothing.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use exporter::{
    exposition::{Batch, Desc, Kind, Level, Names, Publisher, Unit},
    server::{Limits, Readiness, ServerState, routes, serve},
};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Arguments {
    /// Number of series, rounded down to a multiple of the families.
    #[arg(long, default_value_t = 100_000)]
    series: usize,
    #[arg(long, default_value = "127.0.0.1:9341")]
    listen: SocketAddr,
    /// Threads that serve.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Write the gzip member here before serving.
    #[arg(long)]
    write_gzip: Option<PathBuf>,
    /// Print the times of encoding and publishing (median of 11) and exit.
    #[arg(long)]
    time: bool,
}

const fn family(name: &'static str, kind: Kind) -> Desc {
    let labels = &["node", "partition"];
    Desc {
        name,
        help: "A synthetic value per node.",
        kind,
        unit: Unit::None,
        labels,
        level: Level::Important,
    }
}

static FAMILIES: [Desc; 10] = [
    family("slurm_node_cpus_total_count", Kind::Gauge),
    family("slurm_node_cpus_allocated", Kind::Gauge),
    family("slurm_node_memory_total_bytes", Kind::Gauge),
    family("slurm_node_memory_free_bytes", Kind::Gauge),
    family("slurm_node_load_ratio", Kind::Gauge),
    family("slurm_node_gpus_allocated", Kind::Gauge),
    family("slurm_node_boot_time_seconds", Kind::Gauge),
    family("slurm_node_energy_joules_total", Kind::Counter),
    family("slurm_node_state_changes_total", Kind::Counter),
    family("slurm_node_weight", Kind::Gauge),
];

fn batch(nodes: &[String], round: u64) -> Batch {
    let mut batch = Batch::new("nodes", Some("bench"));
    let writers = batch.families(FAMILIES.each_ref());
    for (at, family) in writers.into_iter().enumerate() {
        for (row, node) in nodes.iter().enumerate() {
            let noise = (row as u64 + 1 + round).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let labels = [node.as_str(), if row % 3 == 0 { "gpu" } else { "batch" }];
            match at {
                0 => family.sample(&labels, 64_u64),
                2 => family.sample(&labels, 256_u64 << 30),
                3 => family.sample(&labels, noise << 14),
                4 => family.sample(&labels, (noise % 6400) as f64 / 100.0),
                6 => family.sample(&labels, 1_750_000_000 + (noise % 64) * 3600),
                7 | 8 => family.sample(&labels, noise),
                9 => family.sample(&labels, 1_u64),
                _ => family.sample(&labels, noise % 64),
            }
        }
    }
    batch
}

fn median(mut run: impl FnMut(u64) -> Duration) -> f64 {
    let mut times: Vec<Duration> = (1..=11).map(&mut run).collect();
    times.sort();
    times[5].as_secs_f64() * 1e3
}

fn print_times(nodes: &[String]) -> io::Result<()> {
    let publisher = Publisher::new(Names::default());
    let publish = |publisher: &Publisher, round| {
        let batch = batch(nodes, round);
        let start = Instant::now();
        publisher.replace([batch]);
        start.elapsed()
    };
    let encode = median(|round| {
        let start = Instant::now();
        let batch = batch(nodes, round);
        let elapsed = start.elapsed();
        drop(batch);
        elapsed
    });
    let first = median(|round| publish(&Publisher::new(Names::default()), round));
    let mixed = median(|round| publish(&publisher, round));
    let unchanged = median(|_| publish(&publisher, 11));
    let page = publisher.page();
    let identity: usize = page.identity().iter().map(bytes::Bytes::len).sum();
    let mut out = io::stdout().lock();
    writeln!(out, "series {}  identity {identity} B  gzip {} B", page.samples(), page.gzip()[0].len())?;
    writeln!(out, "encode                                {encode:.2} ms")?;
    writeln!(out, "deflate and publish, all new          {first:.2} ms")?;
    writeln!(out, "deflate and publish, changing values   {mixed:.2} ms")?;
    writeln!(out, "publish, nothing changed              {unchanged:.2} ms")
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let nodes: Vec<String> =
        (0..arguments.series / FAMILIES.len()).map(|row| format!("node{row:05}")).collect();
    if arguments.time {
        return Ok(print_times(&nodes)?);
    }
    let publisher = Arc::new(Publisher::new(Names::default()));
    publisher.replace([batch(&nodes, 0)]);
    if let Some(path) = &arguments.write_gzip {
        let gzip = publisher.page().gzip().concat();
        fs::write(path, gzip).with_context(|| format!("failed to write {}", path.display()))?;
    }
    let state = ServerState {
        publisher,
        legacy: Arc::default(),
        ready: Arc::new(|| Readiness { ready: true, endpoints: Vec::new() }),
        on_scrape: Arc::new(|_| {}),
        config: Arc::new(String::new),
        version: "serve_page".to_owned(),
        metrics_path: "/metrics".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(arguments.workers)
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    runtime.block_on(async {
        let listen = arguments.listen;
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("failed to listen on {listen}"))?;
        let stop = async { drop(tokio::signal::ctrl_c().await) };
        tokio::spawn(serve(listener, routes(state), Limits::default(), stop)).await??;
        Ok(())
    })
}
