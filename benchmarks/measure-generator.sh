#!/bin/sh
# What the load generator costs: CPU per request of loadtest (closed and open loop), goose alone, wrk and oha, for a body
# of 30 bytes (no whole page is much shorter) and one of 60 KiB from nginx; RSS with 500 users; lag of the schedule; size
# of the interval log and time to merge it; p95 and p99 of the open loop beside oha's corrected ones when the server stalls.
# Each side has one core. CPU time is counted, not time: other work on the machine makes it a little larger, not wrong.
#
# Usage: benchmarks/measure-generator.sh   (needs nginx, wrk, jq, GNU time; oha if it is there; about thirteen minutes)
# Environment: SECONDS_EACH=10, USERS=50, OPEN_RATE=2000, LOG_SECONDS=600 (of the interval log: 0 leaves it out)
# Exit codes: 0 bars met, 1 a bar is missed, 4 could not run.
set -eu

seconds=${SECONDS_EACH:-10}
users=${USERS:-50}
open_rate=${OPEN_RATE:-2000}
log_seconds=${LOG_SECONDS:-600}
export LC_ALL=C

name=measure-generator
. "$(dirname "$0")/programs.sh"
for program in nginx wrk jq taskset; do
    command -v "$program" >/dev/null || fail "$program not found: apt-get install nginx wrk jq util-linux"
done
[ -x /usr/bin/time ] || fail "GNU time not found: apt-get install time"
[ "$(nproc)" -ge 2 ] || fail "two cores are needed, one for each side"
cd "$(dirname "$0")/.."
cargo build --quiet --release -p loadtest --bins --examples || fail "the build failed"
target=${CARGO_TARGET_DIR:-target}/release

# Both are well-formed pages, which loadtest checks.
mkdir "$dir/www"
printf '# HELP a A\n# TYPE a gauge\na 1\n' >"$dir/www/small"
awk 'BEGIN { print "# HELP page_lines Lines.\n# TYPE page_lines gauge"
    for (n = 0; length_so_far < 61300; n++) { line = sprintf("page_lines{line=\"%06d\"} %d", n, n); length_so_far += length(line) + 1; print line } }' \
    >"$dir/www/large"
port=${PORT:-18931}
cat >"$dir/nginx.conf" <<CONFIG
daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/error.log;
events { worker_connections 4096; }
http {
    access_log off; keepalive_requests 1000000000; default_type "text/plain; version=0.0.4";
    client_body_temp_path $dir/1; proxy_temp_path $dir/2; fastcgi_temp_path $dir/3; uwsgi_temp_path $dir/4; scgi_temp_path $dir/5;
    server { listen 127.0.0.1:$port; root $dir/www; }
}
CONFIG
chmod -R a+rX "$dir"
taskset -c 0 nginx -c "$dir/nginx.conf" 2>/dev/null &
started=$!
wait_until "$dir/error.log" curl -sf -o /dev/null "http://127.0.0.1:$port/small"

# Runs the command on the other core; leaves its output in $dir/out and "user system maxrss" in $dir/time.
cost() {
    taskset -c 1 /usr/bin/time -o "$dir/time" -f '%U %S %M' "$@" >"$dir/out" 2>"$dir/err" || case $? in
        1 | 3) ;; # the verdict of loadtest: one that asks as fast as it can is at its limit, which is what is measured
        *) fail "$1 failed: $(tail -n 1 "$dir/err")" ;;
    esac
}

# CPU microseconds per request and RSS of the last command, which made $1 requests.
per_request() { tail -n 1 "$dir/time" | awk -v requests="$1" '{ printf "%.2f %.1f\n", ($1 + $2) * 1e6 / requests, $3 / 1024 }'; }

run_loadtest() {
    url=$1
    shift
    rm -rf "$dir/result"
    cost "$target/loadtest" run --scenario-file "$dir/scenario.toml" --target "$url" --out "$dir/result" \
        --warmup 0 --duration "${seconds}s" "$@"
    # An answer that is refused takes another path.
    jq -e '[.requests[].errors | add // 0] | add == 0' "$dir/result/run.json" >"$dir/faultless" ||
        fail "requests failed: $(grep '^note: ' "$dir/err" "$dir/out" | tail -n 1)"
    jq '[.seconds[].requests] | add' "$dir/result/run.json"
}

cat >"$dir/scenario.toml" <<SCENARIO
name = "generator"
vus = $users
rate = 100000.0
warmup = "0s"
duration = "10s"
[[requests]]
name = "page"
encoding = "identity"
SCENARIO

missed=0
row() { echo "| $1 | $2 | $3 | $4 | $5 |"; }
# Fails the bar when $1 <= $2 does not hold.
bar() { awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value <= limit) }' || { missed=1; echo "missed: $3: $1, bar $2" >&2; }; }

echo "| body | generator | requests | CPU per request | RSS |"
echo "|---|---|---:|---:|---:|"
for body in small large; do
    url=http://127.0.0.1:$port/$body
    size=$(wc -c <"$dir/www/$body")
    cost wrk -t 1 -c "$users" -d "${seconds}s" "$url"
    requests=$(awk '/requests in/ { print $1 }' "$dir/out")
    result=$(per_request "$requests")
    row "$size" wrk "$requests" "${result% *} us" "${result#* } MiB"
    if command -v oha >/dev/null; then
        cost oha --no-tui --output-format json -c "$users" -z "${seconds}s" "$url"
        requests=$(jq '[.statusCodeDistribution[]] | add' "$dir/out")
        result=$(per_request "$requests")
        row "$size" oha "$requests" "${result% *} us" "${result#* } MiB"
    fi
    cost "$target/examples/bare_goose" "$url" "$users" "$seconds"
    requests=$(awk '/^requests/ { print $2 }' "$dir/out")
    result=$(per_request "$requests")
    goose=${result% *}
    row "$size" "goose alone" "$requests" "$goose us" "${result#* } MiB"
    requests=$(run_loadtest "$url")
    result=$(per_request "$requests")
    row "$size" "loadtest, closed loop" "$requests" "${result% *} us" "${result#* } MiB"
    bar "$(awk -v a="${result% *}" -v b="$goose" 'BEGIN { printf "%.3f", a / b }')" 1.15 "$size bytes: loadtest / goose alone"
    requests=$(run_loadtest "$url" --executor open --rate "$open_rate")
    result=$(per_request "$requests")
    row "$size" "loadtest, open loop, $open_rate/s" "$requests" "${result% *} us" "${result#* } MiB"
    grep -o 'dropped .* arrivals, schedule lag .*' "$dir/out" | sed "s/^/open loop, $size bytes: /" >>"$dir/lags"
done
cat "$dir/lags"

run_loadtest "http://127.0.0.1:$port/large" --vus 500 --rate 2 >"$dir/requests"
rss=$(per_request "$(cat "$dir/requests")")
echo "500 users with 2 requests a second each, $(wc -c <"$dir/www/large") bytes: RSS ${rss#* } MiB, ${rss% *} us per request"
bar "${rss#* }" 64 "RSS with 500 users"

if [ "$log_seconds" -gt 0 ]; then
    start=$(($(date +%s) + 5))
    seconds=$log_seconds
    run_loadtest "http://127.0.0.1:$port/small" --executor open --rate 500 --shard 0/1 --start-at "$start" >"$dir/requests"
    log=$(wc -c <"$dir/result/run.hlog")
    cost "$target/loadtest" merge "$dir/result" --out "$dir/merged"
    merge=$(tail -n 1 "$dir/time" | awk '{ print $1 + $2 }')
    echo "$log_seconds s with 500 requests a second: interval log $((log / 1024)) KiB, merged and judged in $merge s of CPU"
    bar $((log / 1024)) 500 "interval log"
    bar "$merge" 0.2 "merge"
fi
if command -v oha >/dev/null; then
    # Two whole cycles of a server that answers nothing for one second of every ten. oha corrects latencies as wrk2 does.
    taskset -c 0 "$target/loadtest" stub --stalls >"$dir/stub.out" 2>"$dir/stub.err" &
    started="$! $started"
    url=$(url_in "$dir/stub.out" "$dir/stub.err")
    seconds=20
    cost oha --no-tui --output-format json -c 400 -q 200 --latency-correction -z "${seconds}s" "$url"
    jq -r '.latencyPercentiles | "\(.p95) \(.p99)"' "$dir/out" >"$dir/corrected"
    run_loadtest "$url" --executor open --rate 200 >"$dir/requests"
    jq -r '[.rules[] | select(.id == "p95" or .id == "p99") | .value] | join(" ")' "$dir/result/verdict.json" >"$dir/open"
    for column in 1 2; do
        oha=$(cut -d ' ' -f $column "$dir/corrected") open=$(cut -d ' ' -f $column "$dir/open")
        quantile=$(echo p95 p99 | cut -d ' ' -f $column)
        echo "a second's stall of every ten, 200 requests a second: $quantile oha $oha s, open loop $open s"
        bar "$(awk -v a="$open" -v b="$oha" 'BEGIN { d = a / b - 1; print d < 0 ? -d : d }')" 0.02 "$quantile: open loop / oha - 1"
    done
fi
[ "$missed" -eq 0 ] || fail "a bar is missed" 1
