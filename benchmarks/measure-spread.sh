#!/bin/sh
# How far the percentiles of two equal runs lie apart: pairs of load tests of the same programs, simulator and exporter
# started anew for each run. For p50, p95 and p99 it prints the distribution of |B / A - 1| over the pairs, which is what
# a change must exceed before a single pair of runs says anything.
#
# Usage: benchmarks/measure-spread.sh   (needs jq; 35 minutes with the defaults)
# Environment: PAIRS=200, SECONDS_EACH=4, RATE=25 (requests per second of each of 10 users: 1,000 a run, as `quick` makes
#     in its 20 s), KEEP (a file that gets "pair p50 p95 p99 p50 p95 p99" in microseconds, a line a pair)
# Exit codes: 0 measured, 4 could not run.
set -eu

pairs=${PAIRS:-200} seconds=${SECONDS_EACH:-4} rate=${RATE:-25}
export LC_ALL=C

name=measure-spread
. "$(dirname "$0")/programs.sh"
command -v jq >/dev/null || fail "jq not found: apt-get install jq"
cd "$(dirname "$0")/.."
cargo build --quiet --release -p loadtest -p exporter -p mock-slurmrestd --bins || fail "the build failed"
target=${CARGO_TARGET_DIR:-target}/release
kept=${KEEP:-$dir/pairs}
: >"$kept"

sed -e "s/^rate = .*/rate = $rate.0/" -e "s/^duration = .*/duration = \"${seconds}s\"/" -e 's/^warmup = .*/warmup = "1s"/' \
    -e 's/^ramp = .*/ramp = "0s"/' loadtest/scenarios/quick.toml >"$dir/quick.toml"
for quantile in 50 95 99; do
    printf '[[rule]]\nid = "p%s"\nmetric = "latency"\nquantile = 0.%s\noperator = "<"\nvalue = "10s"\n' $quantile $quantile
done >"$dir/sla.toml"

# "p50 p95 p99" of one run, in microseconds, however it was judged: a run that is disturbed belongs to the spread.
run() {
    rm -rf "$dir/run"
    "$target/loadtest" run --scenario-file "$dir/quick.toml" --sla "$dir/sla.toml" --out "$dir/run" \
        >"$dir/out" 2>"$dir/err" || [ $? -eq 3 ] || fail "a run failed: $(tail -n 1 "$dir/err")"
    jq -r '[.rules[] | select(.id | test("^p[0-9]+$")) | .value * 1e6 | round] | join(" ")' "$dir/run/verdict.json"
}

pair=1
while [ "$pair" -le "$pairs" ]; do
    a=$(run)
    b=$(run)
    echo "$pair $a $b" >>"$kept"
    pair=$((pair + 1))
done

echo "$pairs pairs of runs of $seconds s with $((10 * rate)) requests/s"
echo "| percentile | median of all runs | half of the pairs differ by less than | 90 % | 95 % | 99 % | most |"
echo "|---|---:|---:|---:|---:|---:|---:|"
for column in 2 3 4; do
    awk -v a=$column '{ print $a; print $(a + 3) }' "$kept" | sort -n >"$dir/values"
    awk -v a=$column '{ low = $a; high = $(a + 3); if (low > high) { low = $(a + 3); high = $a }
        printf "%.6f\n", high / low - 1 }' "$kept" | sort -n >"$dir/spread"
    awk -v name="$(echo "p50 p95 p99" | cut -d ' ' -f $((column - 1)))" -v values="$dir/values" '
        function at(share) { n = int(share * NR + 0.999999); return spread[n < 1 ? 1 : n] * 100 }
        { spread[NR] = $1 }
        END { while ((getline value < values) > 0) all[++count] = value
              printf "| %s | %d us | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% |\n", name, all[int((count + 1) / 2)],
                  at(0.5), at(0.9), at(0.95), at(0.99), at(1) }' "$dir/spread"
done
