#!/bin/sh
# Requests per second of /metrics beside nginx serving the same gzip bytes as a static file, then the p99 of both at half
# the exporter's peak rate (arrivals of `loadtest`, which wait for nobody).
# Not a test: it judges nothing, and both subjects share the machine with wrk.
#
# Usage: ci/bench-metrics-vs-nginx.sh   (needs nginx with gzip_static, wrk, curl and jq)
# Environment: SERIES=100000 WORKERS=2 CONNECTIONS=8 WRK_THREADS=1 SECONDS_EACH=8 ROUNDS=3
#              EXPORTER_PORT=19341 NGINX_PORT=19342
set -eu

series=${SERIES:-100000}
workers=${WORKERS:-2}
connections=${CONNECTIONS:-8}
wrk_threads=${WRK_THREADS:-1}
seconds=${SECONDS_EACH:-8}
rounds=${ROUNDS:-3}
exporter_port=${EXPORTER_PORT:-19341}
nginx_port=${NGINX_PORT:-19342}

for program in nginx wrk curl jq; do
    if ! command -v "$program" >/dev/null; then
        echo "bench-metrics-vs-nginx: $program not found: apt-get install nginx-light wrk curl jq" >&2
        exit 4
    fi
done

cd "$(dirname "$0")/.."
cargo build --release -p exporter --example serve_page
cargo build --release -p loadtest
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

half=$(awk -v exporter="$(sed -n "${middle}p" "$dir/exporter.all")" 'BEGIN { split(exporter, e, " "); print int(e[1] / 2) }')
cat >"$dir/half.toml" <<SCENARIO
name = "half-peak"
executor = "open"
rate = $half.0
warmup = "2s"
duration = "${seconds}s"
[[requests]]
name = "metrics"
encoding = "gzip"
SCENARIO
cat >"$dir/sla.toml" <<SLA
[[rule]]
id = "p99"
metric = "latency"
quantile = 0.99
operator = "<"
value = "10s"
SLA

# The p99 in microseconds, however the run was judged: on few cores the generator may call itself too busy.
p99() {
    "$target/release/loadtest" run --scenario-file "$dir/half.toml" --sla "$dir/sla.toml" --target "$1" --out "$dir/half" \
        >"$dir/half.out" 2>"$dir/half.err" || [ $? -eq 3 ] || { tail -n 3 "$dir/half.err" >&2; exit 1; }
    jq '.rules[] | select(.id == "p99") | .value * 1e6 | floor' "$dir/half/verdict.json"
}
round=1
while [ "$round" -le "$rounds" ]; do
    p99 "$nginx_url" >>"$dir/nginx.p99"
    p99 "$exporter_url" >>"$dir/exporter.p99"
    round=$((round + 1))
done
nginx_p99=$(sort -n "$dir/nginx.p99" | sed -n "${middle}p") exporter_p99=$(sort -n "$dir/exporter.p99" | sed -n "${middle}p")
awk -v nginx="$nginx_p99" -v exporter="$exporter_p99" -v half="$half" 'BEGIN {
    printf "p99 at %d requests/s (median): nginx %d us, exporter %d us, ratio %.2f\n", half, nginx, exporter, exporter / nginx }'
