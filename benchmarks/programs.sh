# Sourced by the scripts that measure whole programs: failing with a message, starting, waiting and ending.
# Before: `name` is what messages begin with. After: `dir` is a folder of this run, which goes when the script ends, and
# so do the processes in `started` (ids; the first is ended first).
# shellcheck shell=sh disable=SC2034,SC2154

fail() { echo "$name: $1" >&2; exit "${2:-4}"; }

# Not below /tmp, which may be a small memory file system.
dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
started=''
stop() {
    for pid in $started; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    started=''
}
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Tries every 0.2 s for a minute whether this command succeeds; what failed is said with the last line of the file $1.
wait_until() {
    words=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -le 300 ] || fail "no answer within a minute: $(tail -n 1 "$words")"
        sleep 0.2
    done
}

# The URL after "listening on" in a program's output $1, once it is there; its errors are in $2.
url_in() {
    wait_until "$2" grep -qs '^listening on ' "$1"
    sed -n 's/^listening on //p' "$1"
}
