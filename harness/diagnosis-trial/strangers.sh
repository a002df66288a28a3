#!/usr/bin/env bash
# Diagnoses a server that was not written here, Caddy, as it comes from its Go module: idle, loaded, and
# with faults that are put on it from outside or into its configuration.
#
#   bash harness/diagnosis-trial/strangers.sh [CASE…]     all cases without arguments, about 25 s each
#
# Prints for each case what was to be found and what was confirmed; in brackets what one view alone suspects
# before all else. Exit code 1 when they differ, 2 for an
# unknown case. Needs root (cgroups, network namespaces), Go, tc and what npm run diag needs; what a case
# lacks is said. The diagnoses stay in reports/strangers/.
set -uo pipefail
cd "$(dirname "$0")/../.."

version=v2.10.2
caddy=$PWD/.cache/strangers/caddy-$version
reports=$PWD/reports/strangers
work=$(mktemp -d)
# What runs for the case: ended with it, whatever happens.
running=()
enter=()
limit=()
networks=()
host=127.0.0.1

declare -A expected=(
  [idle]='' [loaded]='' [stopped]=''
  [throttled]=cpu-throttling
  # Its threads wait before they run, not while they run: the runtime has nothing to tell of it.
  [neighbour]='(cpu-neighbour)'
  [slow-upstream]=slow-peer
  [no-keepalive]=connection-reuse
  # Nothing in the runtime tells a lost segment from a slow peer.
  [lossy]='(retransmits)'
  [fd-limit]=''
)
order=(idle loaded stopped throttled neighbour slow-upstream no-keepalive lossy fd-limit)

end_case() {
  # The latest first: it may be stopping an earlier one.
  for ((i = ${#running[@]} - 1; i >= 0; i--)); do
    kill "${running[i]}" 2>/dev/null; kill -CONT "${running[i]}" 2>/dev/null
  done
  for pid in "${running[@]}"; do wait "$pid" 2>/dev/null; done
  running=()
  for network in "${networks[@]}"; do ip netns delete "$network"; done
  networks=() enter=() limit=() host=127.0.0.1
  for group in /sys/fs/cgroup/cpu/pollgate-stranger-$$ /sys/fs/cgroup/pollgate-stranger-$$; do
    # The kernel lets a group go when the last process in it is gone.
    while [ -d "$group" ] && ! rmdir "$group" 2>/dev/null; do sleep 0.1; done
  done
}
trap 'end_case; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start() { "${enter[@]}" "${limit[@]}" "$@" >"$work/output" 2>&1 & running+=($!); }

answers() { "${enter[@]}" curl -fsS -o /dev/null --max-time 2 "$1" 2>/dev/null; }

# serve CONFIGURATION…: Caddy with these lines in its site; it is $server then
serve() {
  {
    printf '{\n  admin 127.0.0.1:21019\n}\nhttp://:21080 {\n'
    printf '  %s\n' "$@"
    printf '}\n'
  } >"$work/Caddyfile"
  start env HOME="$work" "$caddy" run --adapter caddyfile --config "$work/Caddyfile"
  server=${running[-1]}
  until answers http://127.0.0.1:21080/; do
    kill -0 "$server" 2>/dev/null || { cat "$work/output" >&2; exit 4; }
    sleep 0.1
  done
}

# upstream CONFIGURATION…: a second Caddy, whom the first asks
upstream() {
  {
    printf '{\n  admin off\n}\nhttp://:21081 {\n'
    printf '  %s\n' "$@"
    printf '}\n'
  } >"$work/Upstream"
  start env HOME="$work" "$caddy" run --adapter caddyfile --config "$work/Upstream"
  until answers http://127.0.0.1:21081/; do sleep 0.1; done
}

load() { # load REQUESTS_PER_SECOND CONNECTIONS
  start "$PWD/.cache/bin/loadgen.epoll" --url "http://$host:21080/" --rate "$1" --connections "$2" \
    --duration 120s --out "$work/load"
}

# diagnose CASE: prints the causes that were confirmed and do not follow from another
diagnose() {
  rm -rf "${reports:?}/$1"
  "${enter[@]}" node harness/cli.ts diag --pid "$server" --seconds 10 --max-cpu-rise 0 \
    --out "$reports/$1" >"$work/diag" 2>&1 || { cat "$work/diag" >&2; return 4; }
  node -e '
    const { findings } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const own = findings.filter((f) => f.consequenceOf === undefined);
    const confirmed = own.filter((f) => f.state === "confirmed").map((f) => f.cause);
    const suspected = own.filter((f) => f.state === "suspected").map((f) => `(${f.cause})`);
    console.log(confirmed.join(" ") || suspected[0] || "");
  ' "$reports/$1/report.json"
}

case_idle() { serve 'respond "hello"'; }

case_loaded() { serve 'respond "hello"'; load 1000 32; }

# Three times for a second while it is watched.
case_stopped() {
  serve 'respond "hello"'; load 1000 32
  ( sleep 3; for _ in 1 2 3; do kill -STOP "$server"; sleep 1; kill -CONT "$server"; sleep 1; done ) & running+=($!)
}

case_throttled() {
  serve 'respond "hello"'
  if [ -w /sys/fs/cgroup/cpu/cpu.cfs_period_us ]; then
    group=/sys/fs/cgroup/cpu/pollgate-stranger-$$
    mkdir "$group" && echo 100000 >"$group/cpu.cfs_period_us" && echo 10000 >"$group/cpu.cfs_quota_us" || return 5
  else
    group=/sys/fs/cgroup/pollgate-stranger-$$
    mkdir "$group" && echo '10000 100000' >"$group/cpu.max" || return 5
  fi
  echo "$server" >"$group/cgroup.procs" || return 5
  load 2000 64
}

# A busy loop on every CPU, of which this process is none.
case_neighbour() {
  serve 'respond "hello"'; load 1000 32
  for _ in $(seq $(($(nproc) * 2))); do start sh -c 'while :; do :; done'; done
}

# The upstream stands still for most of the time: nearly every answer is up to a fifth of a second late.
case_slow-upstream() {
  upstream 'respond "late"'
  local slow=${running[-1]}
  serve 'reverse_proxy 127.0.0.1:21081'; load 200 32
  ( while kill -STOP "$slow"; do sleep 0.2; kill -CONT "$slow"; sleep 0.02; done ) 2>/dev/null & running+=($!)
}

case_no-keepalive() {
  upstream 'respond "hello"'
  serve 'reverse_proxy 127.0.0.1:21081 {' '  transport http {' '    keepalive off' '  }' '}'; load 500 32
}

# Server, router and clients in networks of their own. The router's link to the clients has 60 Mbit/s and room
# for ten packets, where 80 Mbit/s are asked for: what finds no room is lost.
case_lossy() {
  local name
  for name in server router clients; do ip netns add "pollgate-$$-$name" && networks+=("pollgate-$$-$name") || return 5; done
  link "pollgate-$$-server" 10.77.0.1 "pollgate-$$-router" 10.77.0.2 &&
    link "pollgate-$$-clients" 10.77.1.1 "pollgate-$$-router" 10.77.1.2 &&
    ip netns exec "pollgate-$$-router" sysctl -qw net.ipv4.ip_forward=1 &&
    ip netns exec "pollgate-$$-router" tc qdisc add dev to-10.77.1.1 root tbf rate 60mbit burst 15kb limit 15kb || return 5
  enter=(ip netns exec "pollgate-$$-server")
  serve "respond \"$(head -c 20000 /dev/zero | tr '\0' x)\""
  enter=(ip netns exec "pollgate-$$-clients") host=10.77.0.1
  load 500 32
  enter=(ip netns exec "pollgate-$$-server")
}

# link NETWORK ADDRESS ROUTER ITS_ADDRESS: a cable between the two, and the way to all others over it
link() {
  ip link add "at-$2" netns "$1" type veth peer name "to-$2" netns "$3" &&
    ip -n "$1" address add "$2/24" dev "at-$2" && ip -n "$3" address add "$4/24" dev "to-$2" &&
    ip -n "$1" link set "at-$2" up && ip -n "$3" link set "to-$2" up && ip -n "$1" link set lo up &&
    ip -n "$1" route add default via "$4"
}

# Clients who find no descriptor left wait, and so does nobody else.
case_fd-limit() {
  limit=(prlimit --nofile=40)
  serve 'respond "hello"'; limit=(); load 500 64
}

cases=("$@")
[ $# -gt 0 ] || cases=("${order[@]}")
for name in "${cases[@]}"; do
  if [ -z "${expected[$name]+known}" ]; then
    printf 'unknown case "%s", allowed: %s\n' "$name" "${order[*]}" >&2
    exit 2
  fi
done
[ "$(id -u)" = 0 ] || { echo "strangers.sh: needs root: sudo bash $0" >&2; exit 5; }
node harness/setup.mjs --build || exit
if [ ! -x "$caddy" ]; then
  echo "building Caddy $version" >&2
  GOBIN=$PWD/.cache/strangers go install "github.com/caddyserver/caddy/v2/cmd/caddy@$version" &&
    mv .cache/strangers/caddy "$caddy" || exit 4
fi
mkdir -p "$reports"

wrong=0
printf '%-14s %-18s %s\n' case expected seen
for name in "${cases[@]}"; do
  if "case_$name"; then
    seen=$(diagnose "$name") || seen="the diagnosis failed"
  else
    seen="not tried: this machine lacks what it needs"
  fi
  end_case
  [ "$seen" = "${expected[$name]}" ] || wrong=1
  printf '%-14s %-18s %s\n' "$name" "${expected[$name]:-none}" "${seen:-none}"
done
exit $wrong
