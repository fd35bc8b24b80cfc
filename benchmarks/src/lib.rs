//! What the benchmarks run on (payloads of the simulator, decoded and collected) and what becomes of their results.
//! The benchmarks themselves are in `benches/`, one file per subject; nothing here is part of the exporter.

pub mod cli;
pub mod payload;
pub mod record;
pub mod results;
pub mod subject;
mod table;
