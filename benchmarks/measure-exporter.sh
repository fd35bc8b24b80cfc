#!/bin/sh
# Peak RSS and CPU seconds per full cycle of the real exporter, polling a simulated cluster over loopback.
# A full cycle is one poll of every endpoint, with decode, collection, encoding and the scrape that reads the counters.
# Not a benchmark of time: the simulator shares the machine, but its CPU is not counted.
#
# Usage: benchmarks/measure-exporter.sh   (needs curl; takes about two minutes after the build)
# Environment: SIZES="1000x10000 10000x100000" (nodes x jobs), INTERVAL=5 (seconds), CYCLES=6
# Exit codes: 0 bars met (sizes without a bar are only shown), 1 a bar is missed, 3 inconclusive, 4 could not run.
set -eu

sizes=${SIZES:-1000x10000 10000x100000}
interval=${INTERVAL:-5}
cycles=${CYCLES:-6}

name=measure-exporter
. "$(dirname "$0")/programs.sh"
command -v curl >/dev/null || fail "curl not found: apt-get install curl"
cd "$(dirname "$0")/.."
cargo build --quiet --release -p exporter -p mock-slurmrestd || fail "the build failed"
target=${CARGO_TARGET_DIR:-target}/release

# The sum of the samples of the page that begin with this text; 0 when there is none.
sum() { awk -v start="$1" 'index($0, start) == 1 { sum += $NF } END { printf "%.0f\n", sum }' "$dir/page"; }

polls() {
    curl -sf --compressed -o "$dir/page" "$exporter/metrics" || fail "the exporter does not answer: $(tail -n 1 "$dir/exporter.err")"
    sum "slurm_exporter_api_requests_total{cluster=\"sim\",endpoint=\"jobs\",code=\"200\"}"
}

# Waits until so many polls of the jobs are done, and then to the middle of the interval.
wait_for_polls() {
    deadline=$(($(date +%s) + 60 + 6 * interval * cycles))
    while [ "$(polls)" -lt "$1" ]; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "the jobs were polled $(polls) times, not $1, in time" 3
        sleep 0.5
    done
    sleep "$(awk -v interval="$interval" 'BEGIN { print interval / 2 }')"
}

# User and system ticks so far. The name of the program is in brackets, without spaces.
ticks() { awk '{ print $14, $15 }' "/proc/$exporter_pid/stat"; }

measure() {
    nodes=${1%x*} jobs=${1#*x}
    # The addresses of the size before must not be taken for the new ones.
    rm -f "$dir"/*
    # So much simulated time passes between two polls as with the default interval of 60 s: every list has changed.
    "$target/mock-slurmrestd" --preset medium --nodes "$nodes" --jobs "$jobs" --no-auth --latency none \
        --speed "$(awk -v interval="$interval" 'BEGIN { print 60 / interval }')" \
        --listen 127.0.0.1:0 >"$dir/simulator.out" 2>"$dir/simulator.err" &
    started=$!
    slurmrestd=$(url_in "$dir/simulator.out" "$dir/simulator.err")
    # Without finished jobs: how many of them slurmdbd lists depends on the time that passes, not on the cluster's size.
    intervals="--collectors.accounting.enabled false"
    for endpoint in ping diag job-states database-ping nodes partitions reservations licenses shares jobs qos associations; do
        intervals="$intervals --collection.intervals.$endpoint ${interval}s"
    done
    # shellcheck disable=SC2086 # words on purpose
    SLURM_EXPORTER_COLLECTION_JITTER=0s "$target/slurm-exporter" --slurm.url "$slurmrestd" --server.listen 127.0.0.1:0 \
        $intervals >"$dir/exporter.out" 2>"$dir/exporter.err" &
    exporter_pid=$!
    started="$exporter_pid $started"
    exporter=$(url_in "$dir/exporter.out" "$dir/exporter.err")

    # The first cycle also starts the process: it counts for the peak, not for the CPU.
    wait_for_polls 1
    first_polls=$(polls) first_ticks=$(ticks)
    wait_for_polls $((first_polls + cycles))
    last_polls=$(polls) last_ticks=$(ticks)
    peak_kib=$(awk '/^VmHWM:/ { print $2 }' "/proc/$exporter_pid/status")

    [ "$(sum 'slurm_exporter_cache_hits_total{cluster="sim",endpoint="jobs"')" -eq 0 ] || fail "$1: the jobs were \"unchanged\": no full cycle" 3
    ! grep -q '^slurm_exporter_endpoint_up{.* 0$' "$dir/page" || fail "$1: a poll failed: $(tail -n 1 "$dir/exporter.err")" 3
    body=$(sum 'slurm_exporter_api_response_bytes{cluster="sim",endpoint="jobs"}')
    series=$(grep -vc '^#' "$dir/page")
    stop

    case $1 in
        1000x10000) cpu_bar=0.2 rss_bar=48 ;;
        10000x100000) cpu_bar=2 rss_bar=160 ;;
        *) cpu_bar='' rss_bar='' ;;
    esac
    echo "$first_ticks $last_ticks" | awk -v nodes="$nodes" -v jobs="$jobs" -v body="$body" -v series="$series" \
        -v cycles=$((last_polls - first_polls)) -v hz="$(getconf CLK_TCK)" -v peak="$peak_kib" \
        -v cpu_bar="$cpu_bar" -v rss_bar="$rss_bar" '
        {
            user = ($3 - $1) / hz / cycles; kernel = ($4 - $2) / hz / cycles; cpu = user + kernel; rss = peak / 1024
            printf "| %d x %d | %.0f MB | %d | %d | %.3f s | %.3f s | %.3f s | %s | %.1f MiB | %s |\n", nodes, jobs,
                body / 1e6, series, cycles, user, kernel, cpu, cpu_bar == "" ? "" : "<= " cpu_bar " s",
                rss, rss_bar == "" ? "" : "<= " rss_bar " MiB"
            exit (cpu_bar != "" && (cpu > cpu_bar || rss > rss_bar)) ? 1 : 0
        }' || missed=1
}

missed=0
echo "| nodes x jobs | jobs JSON | series | cycles | user | system | CPU per cycle | bar | peak RSS | bar |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
for size in $sizes; do
    measure "$size"
done
[ "$missed" -eq 0 ] || fail "a bar is missed" 1
