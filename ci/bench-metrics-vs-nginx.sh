#!/bin/sh
# Requests per second of /metrics beside nginx serving the same gzip bytes as a static file, then the p99 of both at a
# share of the exporter's peak rate (wrk has no rate; oha has, and counts from when a request was due).
# Not a test: it judges nothing, and both subjects share the machine with wrk and oha.
#
# Usage: ci/bench-metrics-vs-nginx.sh   (needs nginx with gzip_static, wrk, curl, jq and oha)
# Exit codes: 0 measured, 3 the machine is too slow for that rate, 4 a program is missing.
# Environment: SERIES=100000 WORKERS=2 CONNECTIONS=8 WRK_THREADS=1 SECONDS_EACH=8 ROUNDS=3 PACED_CONNECTIONS=32 SHARE=0.5
#              EXPORTER_PORT=19341 NGINX_PORT=19342
set -eu

series=${SERIES:-100000}
workers=${WORKERS:-2}
connections=${CONNECTIONS:-8}
wrk_threads=${WRK_THREADS:-1}
paced_connections=${PACED_CONNECTIONS:-32}
share=${SHARE:-0.5}
seconds=${SECONDS_EACH:-8}
rounds=${ROUNDS:-3}
exporter_port=${EXPORTER_PORT:-19341}
nginx_port=${NGINX_PORT:-19342}

for program in nginx wrk curl jq oha; do
    if ! command -v "$program" >/dev/null; then
        echo "bench-metrics-vs-nginx: $program not found: apt-get install nginx-light wrk curl jq; cargo install oha" >&2
        exit 4
    fi
done

cd "$(dirname "$0")/.."
cargo build --release -p exporter --example serve_page
target=${CARGO_TARGET_DIR:-target}

dir=$(mktemp -d)
exporter_pid='' nginx_pid=''
finish() {
    [ -z "$exporter_pid" ] || kill "$exporter_pid" 2>/dev/null || true
    [ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true
    wait || true
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir "$dir/www"
"$target/release/examples/serve_page" --series "$series" --workers "$workers" \
    --listen "127.0.0.1:$exporter_port" --write-gzip "$dir/www/metrics.gz" &
exporter_pid=$!
exporter_url=http://127.0.0.1:$exporter_port/metrics
curl -sf --retry 50 --retry-connrefused --retry-delay 1 -o "$dir/www/metrics" "$exporter_url"

cat >"$dir/nginx.conf" <<CONF
daemon off;
user root;
worker_processes $workers;
pid $dir/nginx.pid;
error_log $dir/error.log;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    server {
        listen 127.0.0.1:$nginx_port;
        root $dir/www;
        location = /metrics { gzip_static on; default_type "text/plain; version=0.0.4"; }
    }
}
CONF
[ "$(id -u)" = 0 ] || sed -i '/^user /d' "$dir/nginx.conf"
chmod 755 "$dir"
nginx -c "$dir/nginx.conf" -e "$dir/error.log" &
nginx_pid=$!
nginx_url=http://127.0.0.1:$nginx_port/metrics
for url in "$exporter_url" "$nginx_url"; do
    curl -sf --retry 50 --retry-connrefused --retry-delay 1 -H 'Accept-Encoding: gzip' -o "$dir/got" "$url"
    cmp "$dir/got" "$dir/www/metrics.gz"
done

# Prints "requests/s p99" and keeps the whole answer of wrk when a request failed.
measure() {
    wrk -t "$wrk_threads" -c "$connections" -d "${seconds}s" --latency -H 'Accept-Encoding: gzip' "$1" >"$dir/wrk"
    if grep -E 'Socket errors|Non-2xx' "$dir/wrk" >&2; then exit 1; fi
    awk '$1 == "99%" { p99 = $2 } $1 == "Requests/sec:" { rate = $2 } END { print rate, p99 }' "$dir/wrk"
}

echo "identity $(wc -c <"$dir/www/metrics") B, gzip $(wc -c <"$dir/www/metrics.gz") B," \
    "$workers workers, wrk -t $wrk_threads -c $connections -d ${seconds}s"
round=1
while [ "$round" -le "$rounds" ]; do
    measure "$nginx_url" >"$dir/nginx.$round"
    measure "$exporter_url" >"$dir/exporter.$round"
    echo "round $round (requests/s, p99): nginx $(cat "$dir/nginx.$round"), exporter $(cat "$dir/exporter.$round")"
    round=$((round + 1))
done
cat "$dir"/nginx.[0-9]* | sort -n >"$dir/nginx.all"
cat "$dir"/exporter.[0-9]* | sort -n >"$dir/exporter.all"
middle=$(((rounds + 1) / 2))
awk -v nginx="$(sed -n "${middle}p" "$dir/nginx.all")" -v exporter="$(sed -n "${middle}p" "$dir/exporter.all")" \
    'BEGIN { split(nginx, n, " "); split(exporter, e, " ");
             printf "median: nginx %s/s, exporter %s/s, ratio %.2f\n", n[1], e[1], e[1] / n[1] }'

paced=$(awk -v exporter="$(sed -n "${middle}p" "$dir/exporter.all")" -v share="$share" \
    'BEGIN { split(exporter, e, " "); print int(e[1] * share) }')
# The p99 in microseconds at that rate, counted from when each request was due; a rate that oha did not reach is no
# measurement.
p99() {
    oha --no-tui --output-format json -q "$paced" -c "$paced_connections" --latency-correction -z "${seconds}s" \
        -H 'Accept-Encoding: gzip' "$1" >"$dir/oha"
    jq -e --argjson due "$paced" '.summary.requestsPerSec >= 0.98 * $due and .summary.successRate == 1' "$dir/oha" >/dev/null ||
        { echo "at $paced requests/s: oha made $(jq -c .summary "$dir/oha")" >&2; exit 3; }
    jq '.latencyPercentiles.p99 * 1e6 | floor' "$dir/oha"
}
round=1
while [ "$round" -le "$rounds" ]; do
    p99 "$nginx_url" >>"$dir/nginx.p99"
    p99 "$exporter_url" >>"$dir/exporter.p99"
    round=$((round + 1))
done
nginx_p99=$(sort -n "$dir/nginx.p99" | sed -n "${middle}p") exporter_p99=$(sort -n "$dir/exporter.p99" | sed -n "${middle}p")
awk -v nginx="$nginx_p99" -v exporter="$exporter_p99" -v paced="$paced" 'BEGIN {
    printf "p99 at %d requests/s (median): nginx %d us, exporter %d us, ratio %.2f\n", paced, nginx, exporter, exporter / nginx }'
