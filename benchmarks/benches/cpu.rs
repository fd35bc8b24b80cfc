//! Decode, collect and encode on one core, on bodies that lie in memory. MB/s are of JSON (or text) bytes.
//! Not here: sockets, the simulator's own work, waiting, scheduling, memory (see `measure-exporter.sh`).

use std::sync::Arc;
use std::time::Duration;

use benchmarks::payload::{BY_JOBS, BY_NODES, NEWEST, collect, decode, endpoints, payload, snapshot};
use benchmarks::subject;
use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use exporter::exposition::{Batch, Names, Publisher};
use exporter::model::{Endpoint, Snapshot};
use exporter::wire::decode_whole_slice;
use mock_slurmrestd::wire::ApiVersion;

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    // One iteration takes milliseconds: as many in each sample, no regression over growing numbers of them.
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// The streaming decoder beside its yardstick: serde_json over the whole body, into the same structs.
fn decode_jobs(criterion: &mut Criterion) {
    let mut group = group(criterion, subject::DECODE_JOBS);
    for scale in BY_JOBS {
        let body = payload(scale, Endpoint::Jobs, NEWEST);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::new("streaming", scale.name), &body, |bencher, body| {
            bencher.iter(|| decode(Endpoint::Jobs, NEWEST, body));
        });
        let id = BenchmarkId::new("serde_json_whole_slice", scale.name);
        group.bench_with_input(id, &body, |bencher, body| {
            bencher.iter(|| decode_whole_slice(body).expect("what the simulator writes decodes"));
        });
    }
}

fn decode_jobs_by_version(criterion: &mut Criterion) {
    let mut group = group(criterion, subject::DECODE_JOBS_BY_VERSION);
    for api in ApiVersion::ALL {
        let body = payload(BY_JOBS[0], Endpoint::Jobs, api);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(api), &body, |bencher, body| {
            bencher.iter(|| decode(Endpoint::Jobs, api, body));
        });
    }
}

fn decode_nodes(criterion: &mut Criterion) {
    let mut group = group(criterion, subject::DECODE_NODES);
    for scale in BY_NODES {
        let body = payload(scale, Endpoint::Nodes, NEWEST);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(scale.name), &body, |bencher, body| {
            bencher.iter(|| decode(Endpoint::Nodes, NEWEST, body));
        });
    }
}

/// Every collector over nodes, partitions, jobs, diag and ping, up to finished sample lines.
fn collect_all(criterion: &mut Criterion) {
    let mut group = group(criterion, subject::COLLECT);
    for scale in BY_NODES {
        let snapshot = snapshot(scale);
        group.bench_with_input(BenchmarkId::from_parameter(scale.name), &snapshot, |bencher, snapshot| {
            bencher.iter_batched(|| (), |()| collect(snapshot), BatchSize::PerIteration);
        });
    }
}

/// Freezing, deflating and publishing a page on which everything is new: the worst refresh there is.
fn encode(criterion: &mut Criterion) {
    let mut group = group(criterion, subject::ENCODE);
    for scale in BY_NODES {
        let snapshot = snapshot(scale);
        let text = publish(collect(&snapshot)).page().identity().concat().len();
        group.throughput(Throughput::Bytes(text as u64));
        group.bench_with_input(BenchmarkId::from_parameter(scale.name), &snapshot, |bencher, snapshot| {
            bencher.iter_batched(|| collect(snapshot), publish, BatchSize::PerIteration);
        });
    }
}

fn publish(batches: Vec<Batch>) -> Publisher {
    let publisher = Publisher::new(Names::default());
    publisher.replace(batches);
    publisher
}

/// Every endpoint's body in, a whole new page out.
fn cycle(criterion: &mut Criterion) {
    let mut group = group(criterion, subject::CYCLE);
    let scale = BY_NODES[0];
    let bodies = endpoints().map(|endpoint| (endpoint, payload(scale, endpoint, NEWEST))).collect::<Vec<_>>();
    group.throughput(Throughput::Bytes(bodies.iter().map(|(_, body)| body.len() as u64).sum()));
    group.bench_with_input(BenchmarkId::from_parameter(scale.name), &bodies, |bencher, bodies| {
        bencher.iter_batched(|| (), |()| refresh(bodies), BatchSize::PerIteration);
    });
}

fn refresh(bodies: &[(Endpoint, Arc<[u8]>)]) -> Publisher {
    let mut snapshot = Snapshot::default();
    for (endpoint, body) in bodies {
        let answer = decode(*endpoint, NEWEST, body);
        snapshot.release = Some(Arc::new(answer.release));
        snapshot.set(answer.reading);
    }
    publish(collect(&snapshot))
}

criterion_group! {
    name = cpu;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5));
    targets = decode_jobs, decode_jobs_by_version, decode_nodes, collect_all, encode, cycle
}
criterion_main!(cpu);
