#!/usr/bin/env bash
# 5,000 clients that never complete a request and 500 that hardly read the answer, for a minute, against the release
# build: fails when a good scraper's p99 exceeds 250 ms or descriptors are left. Needs 8,192 descriptors (ulimit -n).
#   ci/slow-clients.sh
set -euo pipefail
cd "$(dirname "$0")/.."
ulimit -n 8192
SLOW_CLIENTS=1 cargo test --release -p exporter --test it slow_clients::five_thousand -- --nocapture
