#!/usr/bin/env bash
# Every fault against the release builds of exporter and simulator at 100,000 series; fails when a promise is broken.
# Takes about half an hour, and a machine that does nothing else.
#   ci/fault-matrix.sh [REPORT.md [FAULT...]]   (all faults, or those named, with their keys as in the report)
set -euo pipefail
report=${1:-fault-matrix.md}
[ $# -eq 0 ] || shift
case $report in /*) ;; *) report=$PWD/$report ;; esac
cd "$(dirname "$0")/.."
cargo build --release -p mock-slurmrestd
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
MOCK_SLURMRESTD=$target/release/mock-slurmrestd FAULT_MATRIX_REPORT=$report FAULT_MATRIX_CASES="$*" \
	cargo test --release -p exporter --test it fault_matrix::the_fault_matrix -- --nocapture
