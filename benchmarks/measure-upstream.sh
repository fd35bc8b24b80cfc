#!/bin/bash
# What the exporter costs a real Slurm: CPU of slurmrestd and of the exporter per minute, with the default configuration,
# read from /proc on a cluster of 1,000 nodes and 5,000 jobs made by ci/real-slurm.sh, scraped as Prometheus does.
# Jobs come and go while it measures, so that a poll of the jobs is never answered "unchanged".
#
# Usage: benchmarks/measure-upstream.sh   (needs root, curl and the packages of Slurm; ten minutes with the defaults)
# Environment: SUITE=sid (Slurm 26.05; trixie 24.11, bookworm 22.05), NODES=1000, JOBS=5000, MINUTES=3 (polls of the
#     jobs, one a minute by default), SCRAPERS="1 20",
#     CHURN=10 (seconds between two short jobs), PORT=29820, ROOT_TAR (see ci/real-slurm.sh),
#     NICE=0 (-15 for a busy machine, where answers would be late and polls therefore rare)
# Exit codes: 0 bars met (other sizes and suites are only shown), 1 a bar is missed, 3 inconclusive, 4 could not run.
set -eu

suite=${SUITE:-sid} nodes=${NODES:-1000} jobs=${JOBS:-5000} port=${PORT:-29820}
minutes=${MINUTES:-3} scrapers=${SCRAPERS:-1 20} churn=${CHURN:-10}
# What Prometheus 3 sends by default, and how often.
accept='application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
scrape_interval=15

name=measure-upstream
. "$(dirname "$0")/programs.sh"
[ "$(id -u)" = 0 ] || fail "needs root"
command -v curl >/dev/null || fail "curl not found: apt-get install curl"
cd "$(dirname "$0")/.."
cargo build --quiet --release -p exporter || fail "the build failed"
target=${CARGO_TARGET_DIR:-target}/release
renice -n "${NICE:-0}" $$ >/dev/null

slurm() { SUITE=$suite DIR=$dir/slurm PORT=$port NODES=$nodes JOBS=$jobs ci/real-slurm.sh "$@"; }
trap 'stop; slurm purge >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT

slurm start >"$dir/start.out" 2>"$dir/start.err" </dev/null || fail "no Slurm: $(tail -n 1 "$dir/start.err")"
slurmrestd_pid=$(pgrep --ns "$(sed -n 's/^INIT_PID=//p' "$dir/start.out")" --nslist pid -x slurmrestd) ||
    fail "slurmrestd is not found in its namespace"
release=$(slurm exec sinfo --version)

# User and system ticks so far of a process and its threads; no program here has a blank in its name.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# A short job now and then: the lists of jobs and nodes change between two polls.
keep_changing() {
    while :; do
        slurm as bob sbatch -Q -A physics -p batch -n 1 --mem=1G -o /dev/null --wrap 'sleep 20' >/dev/null 2>&1 </dev/null
        sleep "$churn"
    done
}

# One Prometheus: on a connection of its own, like every scrape of another one.
scrape() {
    sleep "$(awk -v seed="$1" -v interval="$scrape_interval" 'BEGIN { srand(seed); print rand() * interval }')"
    while :; do
        curl -sf -H "Accept: $accept" -H 'Accept-Encoding: gzip' -o "$dir/scrape.$1" "$exporter/metrics" || echo failed >>"$dir/failed"
        sleep "$scrape_interval"
    done
}

# The exporter about itself, which is small.
page() { curl -sf -o "$dir/page" "$exporter/metrics?collect[]=exporter" -g || fail "the exporter does not answer: $(tail -n 1 "$dir/exporter.err")"; }

# Requests so far by endpoint, a line each.
requests() {
    page
    sed -n 's/^slurm_exporter_api_requests_total{.*endpoint="\([^"]*\)".*} /\1 /p' "$dir/page" |
        awk '{ count[$1] += $2 } END { for (endpoint in count) print endpoint, count[endpoint] }' | sort
}

# Polls of the jobs so far.
polls() { requests | awk '$1 == "jobs" { count = $2 } END { print count + 0 }'; }

# Waits until so many more polls of the jobs are done. It looks seldom, since each look is one more scrape.
wait_for_polls() {
    wanted=$(($(polls) + $1)) deadline=$(($(date +%s) + 180 + 300 * $1))
    [ "$1" -eq 1 ] || sleep $((60 * $1 - 10))
    while [ "$(polls)" -lt "$wanted" ]; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "the jobs were polled $(polls) times, not $wanted, in time" 3
        sleep 1
    done
}

measure() {
    rm -f "$dir/failed"
    # Its own environment must be the default one.
    env -i PATH="$PATH" "$target/slurm-exporter" --slurm.url "http://127.0.0.1:$port" --slurm.user slurmrest \
        --slurm.token-file "$dir/slurm/token" --server.listen 127.0.0.1:0 >"$dir/exporter.out" 2>"$dir/exporter.err" &
    exporter_pid=$!
    started=$exporter_pid
    exporter=$(url_in "$dir/exporter.out" "$dir/exporter.err")
    keep_changing &
    started="$! $started"
    for ((i = 0; i < $1; i++)); do
        scrape "$i" &
        started="$! $started"
    done

    # The first reading of everything also starts the process: it counts for the peak, not for the CPU. What is measured
    # goes from the end of one poll of the jobs, the dearest, to the end of another.
    wait_for_polls 1
    requests >"$dir/first"
    first_slurmrestd=$(ticks "$slurmrestd_pid") first_exporter=$(ticks "$exporter_pid") first=$(date +%s%N)
    wait_for_polls "$minutes"
    last_slurmrestd=$(ticks "$slurmrestd_pid") last_exporter=$(ticks "$exporter_pid") last=$(date +%s%N)
    requests >"$dir/last"
    peak_kib=$(awk '/^VmHWM:/ { print $2 }' "/proc/$exporter_pid/status")
    [ ! -e "$dir/failed" ] || fail "$(wc -l <"$dir/failed") scrapes failed" 3
    down=$(sed -n 's/^slurm_exporter_endpoint_up{.*endpoint="\([^"]*\)".*} 0$/\1/p' "$dir/page")
    [ -z "$down" ] || fail "polls of $down failed: $(tail -n 1 "$dir/exporter.err")" 3
    stop

    elapsed=$(awk -v ns=$((last - first)) 'BEGIN { print ns / 6e10 }')
    rates=$(join -a 2 -e 0 -o 0,1.2,2.2 "$dir/first" "$dir/last" |
        awk -v minutes="$elapsed" '{ printf "%s%s %.1f", (NR > 1 ? ", " : ""), $1, ($3 - $2) / minutes }')
    bars=0
    [ "$suite $nodes $jobs" != "sid 1000 5000" ] || bars=1
    awk -v scrapers="$1" -v minutes="$elapsed" -v hz="$(getconf CLK_TCK)" -v peak="$peak_kib" -v bars="$bars" -v rates="$rates" \
        -v slurmrestd=$((last_slurmrestd - first_slurmrestd)) -v exporter=$((last_exporter - first_exporter)) 'BEGIN {
            slurmrestd /= hz * minutes; exporter /= hz * minutes; rss = peak / 1024
            printf "| %d | %.1f | %.2f s | %.3f s | %.1f MiB | %s |\n", scrapers, minutes, slurmrestd, exporter, rss, rates
            exit (bars && (slurmrestd > 2.5 || exporter > 0.15 || rss > 32)) ? 1 : 0
        }' || missed=1
}

missed=0
echo "$release, $nodes nodes, $jobs held jobs and one short job every $churn s; bars: 2.5 s, 0.15 s, 32 MiB; load $(cut -d ' ' -f 1 /proc/loadavg)"
echo
echo "| scrapers | minutes | slurmrestd CPU per minute | exporter CPU per minute | peak RSS | requests per minute |"
echo "|---:|---:|---:|---:|---:|---|"
for count in $scrapers; do
    measure "$count"
done
[ "$missed" -eq 0 ] || fail "a bar is missed" 1
