#!/usr/bin/env bash
# Every fault against the release build at 100,000 series; fails when a promise is broken. Takes about ten minutes.
#   ci/fault-matrix.sh [REPORT.md]
set -euo pipefail
report=${1:-fault-matrix.md}
case $report in /*) ;; *) report=$PWD/$report ;; esac
cd "$(dirname "$0")/.."
FAULT_MATRIX_REPORT=$report cargo test --release -p exporter --test it fault_matrix::the_fault_matrix -- --ignored --nocapture
