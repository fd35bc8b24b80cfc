#!/bin/sh
# What the simulator costs at its largest preset: start, memory, simulated hours, and /jobs per second of its CPU,
# beside nginx with the same bytes from a file. CPU time of the server processes, so that others on the machine hardly count.
# Not a benchmark of the exporter, which only asks as often as it can.
#
# Usage: benchmarks/measure-simulator.sh   (needs curl and nginx; takes about three minutes after the build)
# Environment: PRESET=enterprise, ROUNDS=5 (times /jobs is fetched), POLLED=30 (seconds of polling),
#   PORT=18099 (where nginx may listen), BIN=FOLDER (with mock-slurmrestd, slurm-exporter and examples/speed; built unless given)
# Exit codes: 0 bars met (only enterprise has bars), 1 a bar is missed, 4 could not run.
set -eu

preset=${PRESET:-enterprise}
rounds=${ROUNDS:-5}
polled=${POLLED:-30}
port=${PORT:-18099}

name=measure-simulator
. "$(dirname "$0")/programs.sh"
command -v curl >/dev/null || fail "curl not found: apt-get install curl"
nginx=$(command -v nginx || command -v /usr/sbin/nginx) || fail "nginx not found: apt-get install nginx-light"
cd "$(dirname "$0")/.."
if [ -z "${BIN:-}" ]; then
    cargo build --quiet --release -p exporter -p mock-slurmrestd || fail "the build failed"
    cargo build --quiet --release -p mock-slurmrestd --example speed || fail "the build failed"
    BIN=${CARGO_TARGET_DIR:-target}/release
fi

# Seconds of CPU of a process so far, in all and in the kernel. The name of the program is in brackets, without spaces.
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f %.2f\n", ($14 + $15) / hz, $15 / hz }' "/proc/$1/stat"; }

# A row of the table; the last two are the bar and whether more is better.
missed=0
row() {
    bar=''
    if [ "$preset" = enterprise ] && [ -n "${4:-}" ]; then
        if awk -v got="$3" -v bar="$4" -v more="${5:-}" 'BEGIN { exit !(more ? got < bar : got > bar) }'; then
            missed=1
            bar="${5:+>= }"
            bar="${bar:-<= }$4, missed"
        else
            bar="${5:+>= }"
            bar="${bar:-<= }$4"
        fi
    fi
    echo "| $1 | $3 $2 | $bar |"
}

# Fetches a URL several times and prints MB per second of the server's CPU: in all, and without the kernel's part.
rate() {
    before=$(cpu "$server_pid") bytes=0
    for _ in $(seq "$rounds"); do
        got=$(curl -sf -o /dev/null -w '%{size_download}' "$1") || fail "$1 does not answer"
        bytes=$((bytes + got))
    done
    echo "$before $(cpu "$server_pid") $bytes" | awk '{
        all = $3 - $1; own = all - ($4 - $2)
        printf "%.0f %.0f\n", $5 / 1e6 / (all > 0.01 ? all : 0.01), $5 / 1e6 / (own > 0.01 ? own : 0.01)
    }'
}

echo "| what | $preset | bar |"
echo "|---|---:|---|"

"$BIN/mock-slurmrestd" --preset "$preset" --no-auth --clock explicit --listen 127.0.0.1:0 \
    >"$dir/simulator.out" 2>"$dir/simulator.err" &
server_pid=$!
started=$server_pid
slurmrestd=$(url_in "$dir/simulator.out" "$dir/simulator.err")
row "CPU until it listens" s "$(cpu "$server_pid" | cut -d ' ' -f 1)" 2
curl -sf -o "$dir/jobs.json" "$slurmrestd/slurm/v0.0.45/jobs" || fail "the simulator does not answer"
size=$(wc -c <"$dir/jobs.json")
row "/jobs" MB "$((size / 1000000))"
rates=$(rate "$slurmrestd/slurm/v0.0.45/jobs")
row "/jobs over loopback, per second of CPU" MB "${rates% *}"
row "the same without the kernel's part" MB "${rates#* }" 1000 more
row "memory at most" MiB "$(awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/$server_pid/status")" 600
stop

for sendfile in off on; do
    cat >"$dir/nginx.conf" <<CONF
daemon off;
master_process off;
pid $dir/nginx.pid;
error_log $dir/nginx.err;
events {}
http {
    access_log off;
    sendfile $sendfile;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    server {
        listen 127.0.0.1:$port;
        root $dir;
    }
}
CONF
    # Of the user who runs this, or it could not read the folder.
    "$nginx" -c "$dir/nginx.conf" -g "user $(id -un);" 2>"$dir/nginx.start" &
    server_pid=$!
    started=$server_pid
    wait_until "$dir/nginx.start" curl -sf -o /dev/null -r 0-0 "http://127.0.0.1:$port/jobs.json"
    rates=$(rate "http://127.0.0.1:$port/jobs.json")
    row "nginx, the same bytes from a file, sendfile $sendfile, per second of CPU" MB "${rates% *}"
    stop
done
rm -f "$dir/jobs.json"

"$BIN/examples/speed" "$preset" >"$dir/speed" || fail "the example speed failed"
# What an hour brings depends on the time of day: the bar is for 100,000 jobs.
awk '/^hour/ { sum += $3; starts += $5; count++ } END { printf "%.2f %d %.2f\n", sum / count, starts / count, 1e5 * sum / starts }' \
    "$dir/speed" >"$dir/hours"
read -r hour starts for_bar <"$dir/hours"
row "CPU per simulated hour, with $starts tasks started in each" s "$hour"
row "CPU per 100,000 tasks started" s "$for_bar" 1
row "simulated hours per second of CPU" "" "$(awk -v hour="$hour" 'BEGIN { printf "%.2f", 1 / hour }')"

"$BIN/mock-slurmrestd" --preset "$preset" --no-auth --listen 127.0.0.1:0 \
    >"$dir/simulator.out" 2>"$dir/simulator.err" &
server_pid=$!
started=$server_pid
slurmrestd=$(url_in "$dir/simulator.out" "$dir/simulator.err")
SLURM_EXPORTER_COLLECTION_JITTER=0s "$BIN/slurm-exporter" --slurm.url "$slurmrestd" --server.listen 127.0.0.1:0 \
    --collection.intervals.ping 1s --collection.intervals.diag 1s --collection.intervals.nodes 1s \
    --collection.intervals.partitions 1s --collection.intervals.jobs 1s \
    >"$dir/exporter.out" 2>"$dir/exporter.err" &
exporter_pid=$!
started="$exporter_pid $started"
url_in "$dir/exporter.out" "$dir/exporter.err" >/dev/null
sleep 5
before="$(cpu "$server_pid") $(cpu "$exporter_pid")"
sleep "$polled"
echo "$before $(cpu "$server_pid") $(cpu "$exporter_pid")" |
    awk -v wall="$polled" '{ printf "%.0f %.0f\n", 100 * ($5 - $1) / wall, 100 * ($7 - $3) / wall }' >"$dir/shares"
row "CPU of the simulator while the exporter polls as often as it can" "% of a core" "$(cut -d ' ' -f 1 "$dir/shares")"
row "CPU of the exporter in that time" "% of a core" "$(cut -d ' ' -f 2 "$dir/shares")"
stop
[ "$missed" -eq 0 ] || fail "a bar is missed" 1
