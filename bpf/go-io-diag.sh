#!/bin/sh
# Looks at a running Go process from the kernel (netprobe, /proc) and from its runtime (pprof) over the
# same seconds and leaves the evidence in a directory; `npm run report -- DIR` judges it, on any machine.
# POSIX sh, curl and the static netprobe; see --help. Nothing is written into the target.
set -u

usage() {
  cat <<'END'
usage: go-io-diag.sh --pid N | --exe NAME | --container ID   [options]

  --pid N              the process
  --exe NAME           the one process whose executable has this name
  --container ID       the one Go process in the container: 12 digits of its id or more
  --out DIR            where the evidence goes (default ./go-io-diag-<pid>-<time>); must not exist
  --seconds N          length of the window, 5 to 600 (default 30)
  --pprof URL          its net/http/pprof, such as http://127.0.0.1:6060/debug/pprof/; `none` asks nobody.
                       Without it each TCP port on which the process listens is asked once, for 2 s at most;
                       a server of another protocol may count that as a bad request. One that tells another
                       command line than the process's is not believed.
  --netprobe COMMAND   how to start netprobe (default: the one beside this script, or in PATH): a file, or words
  --dump               goroutine dump (debug=2) too, if there are at most 1,000 goroutines: it stops the world
  --dump-any-size      the same with any number of goroutines
  --no-summary         print no summary at the end
  --summary-only DIR   print the summary of a directory again

Circuit breaker: looks each second, stops at once and keeps what was taken
  --max-cpu-rise P     when the target's CPU time, against the 2 s before, rises by more than P percent and by
                       more than 10 % of one CPU, two seconds running (default 50; 0 = never)
  --watch-url URL      a URL whose answer time is looked at too
  --max-latency-rise P when it rises by more than P percent and 10 ms, two seconds running (default 100)
  --max-mib N          when the evidence takes more than this (default 128)
  --min-free-mib N     when less than this is free where it is written (default 256)

Ctrl-C ends the window at once and keeps what was taken.

What happens in the window of N seconds
  throughout   netprobe, set `kernel` (no uprobe): system calls, descriptors, TCP, block devices, polls
  N-4 s        CPU profile at the runtime's 100 Hz
  2 s          netprobe's Go scheduler probes and the execution trace, together
  both ends    /proc, goroutine, heap, mutex and block profiles (these two are empty unless the program
               switched them on)
  four times   goroutine profile, evenly spread
  Each request to pprof has a time limit and a limit of 32 MiB.

Permissions
  bare metal   root, or netprobe with `setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep`; Linux 5.15 with
               /sys/kernel/btf/vmlinux. As another user: only your own processes, without netprobe.
  Docker       on the host, as above: --container finds the process, its network namespace is entered
               with nsenter to reach pprof. Or inside a container of its own:
                 docker run --rm -it --pid=host --network=container:TARGET \
                   --cap-add=BPF --cap-add=PERFMON --cap-add=SYS_PTRACE --cap-add=DAC_READ_SEARCH \
                   --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                   -v /sys/kernel/btf:/sys/kernel/btf:ro -v "$PWD":/out IMAGE go-io-diag.sh --exe NAME --out /out/diag
               Docker's own seccomp profile allows bpf() and perf_event_open() with these capabilities
               since 20.10.; where it does not, netprobe says so. Without --pid=host a container sees its own
               processes only. tracefs and debugfs are not needed (-v /sys/kernel/tracing:ro does no harm).
  Kubernetes   a debug pod on the node of the target:
                 apiVersion: v1
                 kind: Pod
                 metadata: { name: go-io-diag }
                 spec:
                   nodeName: NODE
                   hostPID: true
                   hostNetwork: true
                   restartPolicy: Never
                   containers:
                     - name: diag
                       image: IMAGE        # sh, curl, nsenter, this script and netprobe
                       command: [sleep, "3600"]
                       securityContext:
                         capabilities: { add: [BPF, PERFMON, SYS_PTRACE, SYS_ADMIN, DAC_READ_SEARCH] }
                         seccompProfile: { type: Unconfined }
                       volumeMounts: [{ name: btf, mountPath: /sys/kernel/btf, readOnly: true }]
                   volumes: [{ name: btf, hostPath: { path: /sys/kernel/btf } }]
               then: kubectl exec -it go-io-diag -- go-io-diag.sh --container ID --out /tmp/diag
               (SYS_ADMIN is for nsenter, which reaches pprof inside the other pod)

Exit codes: 0 done (a view that could not be taken is said, and changes nothing) · 2 wrong usage, no such
process, not a Go program · 4 nothing could be taken, or the disk is full · 5 no permission to look at
the process · 130 interrupted, 143 terminated; what was taken is kept
END
}

# Names and command lines are other people's: nothing in them may steer the terminal.
say() { printf '%s\n' "$*" | tr -d '\000-\010\013-\037\177' >&2; }

# die CODE SEEN REMEDY
die() {
  say "go-io-diag.sh: $2"
  [ -z "${3-}" ] || say "$3"
  exit "$1"
}

need_value() { [ "$2" -ge 2 ] || die 2 "$1 needs a value" "go-io-diag.sh --help"; }

# whole NAME VALUE LEAST MOST
whole() {
  case $2 in '' | *[!0-9]*) die 2 "$1: \"$2\" seen, expected a whole number from $3 to $4" ;; esac
  [ "${#2}" -le 9 ] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ] ||
    die 2 "$1: $2 seen, expected a whole number from $3 to $4"
}

original_arguments=$*
pid= exe= container= out= seconds=30 pprof= netprobe= dump=no summary=yes summary_only=
max_cpu_rise=50 watch_url= max_latency_rise=100 max_mib=128 min_free_mib=256
while [ $# -gt 0 ]; do
  case $1 in
    --*=*) option=${1%%=*} value=${1#*=}; shift; set -- "$option" "$value" "$@" ;;
  esac
  case $1 in
    --pid) need_value "$1" $#; whole --pid "$2" 1 4194304; pid=$2; shift 2 ;;
    --exe) need_value "$1" $#; exe=$2; shift 2 ;;
    --container) need_value "$1" $#; container=$2; shift 2 ;;
    --out) need_value "$1" $#; out=$2; shift 2 ;;
    --seconds) need_value "$1" $#; whole --seconds "$2" 5 600; seconds=$2; shift 2 ;;
    --pprof) need_value "$1" $#; pprof=$2; shift 2 ;;
    --netprobe) need_value "$1" $#; netprobe=$2; shift 2 ;;
    --dump) dump=small; shift ;;
    --dump-any-size) dump=any; shift ;;
    --no-summary) summary=no; shift ;;
    --summary-only) need_value "$1" $#; summary_only=$2; shift 2 ;;
    --max-cpu-rise) need_value "$1" $#; whole "$1" "$2" 0 100000; max_cpu_rise=$2; shift 2 ;;
    --watch-url) need_value "$1" $#; watch_url=$2; shift 2 ;;
    --max-latency-rise) need_value "$1" $#; whole "$1" "$2" 1 100000; max_latency_rise=$2; shift 2 ;;
    --max-mib) need_value "$1" $#; whole "$1" "$2" 1 100000; max_mib=$2; shift 2 ;;
    --min-free-mib) need_value "$1" $#; whole "$1" "$2" 0 1000000; min_free_mib=$2; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) die 2 "unknown option $1" "go-io-diag.sh --help" ;;
  esac
done

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "$netprobe" ]; then
  if [ -x "$here/netprobe" ]; then netprobe=$here/netprobe
  elif command -v netprobe >/dev/null 2>&1; then netprobe=netprobe; fi
fi
# A Ctrl-C of the terminal is for this script, which then ends netprobe's window in order.
own_session=
if command -v setsid >/dev/null 2>&1; then own_session=setsid; fi

newline='
'
# Takes the place of its subshell. --netprobe holds a file, or words: a line each, or apart by blanks.
exec_netprobe() {
  if [ -f "$netprobe" ] && [ -x "$netprobe" ]; then set -- "$netprobe" "$@"
  else
    case $netprobe in *"$newline"*) IFS=$newline ;; esac
    set -f
    set -- $netprobe "$@"
  fi
  exec $own_session "$@"
}

# ── what was found, in words ─────────────────────────────────────────────────────────────────────

# field FILE NAME: a number of a «Name: value» file
field() { awk -v name="$2:" '$1 == name { print $2; exit }' "$1" 2>/dev/null; }

# cpu_ticks DIR: utime + stime of a stat file
cpu_ticks() { sed 's/.*) //' "$1" 2>/dev/null | awk '{ print $12 + $13 }'; }

print_summary() {
  dir=$1
  [ -f "$dir/diag.json" ] || die 2 "$dir/diag.json is missing" "expected a directory written by go-io-diag.sh"
  b=$dir/proc/begin e=$dir/proc/end
  if [ -f "$b/stat" ] && [ -f "$e/stat" ]; then
    ticks=$(cat "$dir/proc/ticks-per-second")
    awk -v t0="$(cut -d' ' -f1 "$b/uptime")" -v t1="$(cut -d' ' -f1 "$e/uptime")" \
      -v c0="$(cpu_ticks "$b/stat")" -v c1="$(cpu_ticks "$e/stat")" -v hz="$ticks" \
      -v f0="$(wc -l <"$b/fds")" -v f1="$(wc -l <"$e/fds")" \
      -v h0="$(field "$b/status" Threads)" -v h1="$(field "$e/status" Threads)" \
      -v m0="$(field "$b/status" VmRSS)" -v m1="$(field "$e/status" VmRSS)" 'BEGIN {
        printf "window      %.1f s\n", t1 - t0
        printf "CPU         %.1f %% of one\n", 100 * (c1 - c0) / hz / (t1 - t0)
        printf "descriptors %d to %d\n", f0, f1
        printf "threads     %d to %d\n", h0, h1
        printf "memory      %.0f MiB to %.0f MiB resident\n", m0 / 1024, m1 / 1024
      }'
  fi
  if [ -f "$dir/pprof/end/goroutine.txt" ]; then
    printf 'goroutines  %s\n' "$(sed -n '1s/.*total //p' "$dir/pprof/end/goroutine.txt")"
  fi
  for part in kernel scheduler; do
    file=$dir/netprobe/$part.json
    if [ -f "$file" ] && [ -n "$netprobe" ]; then printf '\n'; (exec_netprobe show "$file") 2>/dev/null; fi
  done
  awk -F'"' '/"name":/ && /"status":"(failed|stopped)"/ { printf "\nnot taken: %s: %s", $4, $12 } END { print "" }' "$dir/diag.json"
}

if [ -n "$summary_only" ]; then print_summary "$summary_only"; exit 0; fi

# ── whom ─────────────────────────────────────────────────────────────────────────────────────────

is_go() { grep -aq 'Go buildinf:' "/proc/$1/exe" 2>/dev/null; }

only_one() { # only_one WHAT PIDS…
  what=$1; shift
  case $# in
    1) pid=$1 ;;
    0) die 2 "no $what" "ps -e -o pid,comm,args shows what runs" ;;
    *) say "go-io-diag.sh: several processes: $what"
       for p in "$@"; do say "  --pid $p   $(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-90)"; done
       exit 2 ;;
  esac
}

find_exe() {
  for p in /proc/[0-9]*; do
    target=$(readlink "$p/exe" 2>/dev/null) || continue
    target=${target% (deleted)}
    if [ "${target##*/}" = "$exe" ]; then printf '%s ' "${p#/proc/}"; fi
  done
}

find_container() {
  for p in $(grep -l -- "$container" /proc/[0-9]*/cgroup 2>/dev/null); do
    p=${p#/proc/}; p=${p%/cgroup}
    if is_go "$p"; then printf '%s ' "$p"; fi
  done
}

asked=0
for given in "$pid" "$exe" "$container"; do [ -z "$given" ] || asked=$((asked + 1)); done
[ $asked -eq 1 ] || die 2 "expected one of --pid, --exe and --container, $asked seen" "go-io-diag.sh --help"
if [ -n "$exe" ]; then only_one "process with an executable named \"$exe\"" $(find_exe); fi
if [ -n "$container" ]; then
  case $container in *[!0-9a-f]*) die 2 "--container: \"$container\" seen, expected hexadecimal digits of a container's id" "docker ps --no-trunc" ;; esac
  [ "${#container}" -ge 12 ] || die 2 "--container: ${#container} digits seen, expected 12 or more" "docker ps --no-trunc"
  only_one "Go process in a cgroup with $container in its name" $(find_container)
fi
[ -d "/proc/$pid" ] || die 2 "no process $pid" "ps -e -o pid,comm,args shows what runs"
[ "$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)" != Z ] || die 2 "process $pid has ended and is a zombie"
if [ "$(id -u)" = 0 ] && ! readlink "/proc/$pid/exe" >/dev/null 2>&1; then
  die 2 "process $pid ($(cat "/proc/$pid/comm")) has no executable that can be read: a kernel thread, or another container's init"
fi
[ -n "$(ls "/proc/$pid/fd" 2>/dev/null)" ] && readlink "/proc/$pid/exe" >/dev/null 2>&1 ||
  die 5 "process $pid belongs to $(stat -c %U "/proc/$pid" 2>/dev/null || echo another user) and may not be looked at" "sudo $0 $original_arguments"
is_go "$pid" || die 2 "process $pid ($(cat "/proc/$pid/comm")) is not a Go program: $(readlink "/proc/$pid/exe") holds no Go build information" "--exe NAME finds a process by its executable"
start_time=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)

out=${out:-go-io-diag-$pid-$(date -u +%Y%m%dT%H%M%SZ)}
[ ! -e "$out" ] || [ -z "$(ls -A "$out")" ] || die 2 "$out exists and is not empty" "--out DIR names another"
mkdir -p "$out/proc" "$out/pprof/begin" "$out/pprof/end" "$out/netprobe" "$out/.work" 2>/dev/null ||
  die 4 "cannot write to $out" "--out DIR names another place"
out=$(cd "$out" && pwd)
work=$out/.work

alive() { [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)" = "$start_time" ]; }

# ── the record ───────────────────────────────────────────────────────────────────────────────────

quoted() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\010\013-\037' | tr '\n\t' '  ' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

# stage NAME done|failed|skipped|stopped REASON
stage() {
  printf '    {"name":%s,"status":"%s","reason":%s}\n' "$(quoted "$1")" "$2" "$(quoted "${3-}")" >>"$work/stages"
  [ "$2" = done ] || say "  $1: $2: ${3-}"
}

write_record() { # write_record ENDED_BY
  {
    printf '{\n  "schema": 1,\n'
    printf '  "command": %s,\n' "$(quoted "go-io-diag.sh $original_arguments")"
    printf '  "startedAt": "%s",\n  "endedAt": "%s",\n' "$started_at" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '  "kernel": %s,\n  "machine": %s,\n' "$(quoted "$(uname -sr)")" "$(quoted "$(uname -m)")"
    printf '  "target": {"pid":%s,"exe":%s,"commandLine":%s},\n' "$pid" \
      "$(quoted "$(cat "$work/exe")")" "$(quoted "$(cat "$work/command-line")")"
    printf '  "pprof": {"url":%s,"reason":%s},\n' "$(quoted "$pprof")" "$(quoted "$pprof_reason")"
    printf '  "seconds": %s,\n  "endedBy": %s,\n' "$seconds" "$(quoted "$1")"
    printf '  "stages": [\n'
    sed '$!s/$/,/' "$work/stages"
    printf '  ]\n}\n'
  } >"$work/diag.json" && mv "$work/diag.json" "$out/diag.json"
}

# ── /proc ────────────────────────────────────────────────────────────────────────────────────────

keep() { head -c 8388608 "$1" >"$2" 2>/dev/null || rm -f "$2"; } # keep FROM TO, at most 8 MiB

# The CPU limits of its cgroup and of all above it, in the words of version 2: a line «group quota period»,
# then what was throttled, indented.
cpu_limits() {
  group=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
  while [ -n "$group" ] && [ "$group" != / ]; do
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do
      [ -r "$root$group/cpu.max" ] || continue
      printf '%s %s\n' "$group" "$(cat "$root$group/cpu.max")"
      sed 's/^/  /' "$root$group/cpu.stat"
    done
    group=${group%/*}
  done
  group=$(awk -F: '$2 ~ /(^|,)cpu(,|$)/ { print $3; exit }' "/proc/$pid/cgroup")
  while [ -n "$group" ] && [ "$group" != / ]; do
    for root in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct; do
      [ -r "$root$group/cpu.cfs_quota_us" ] || continue
      printf '%s %s %s\n' "$group" "$(sed 's/^-1$/max/' "$root$group/cpu.cfs_quota_us")" "$(cat "$root$group/cpu.cfs_period_us")"
      awk '{ print "  " ($1 == "throttled_time" ? "throttled_usec" : $1), ($1 == "throttled_time" ? int($2 / 1000) : $2) }' "$root$group/cpu.stat"
      break
    done
    group=${group%/*}
  done
}

snapshot() { # snapshot DIR
  d=$out/proc/$1 p=/proc/$pid
  mkdir -p "$d"
  keep /proc/uptime "$d/uptime"
  for name in stat status schedstat limits io cgroup; do keep "$p/$name" "$d/$name"; done
  for name in snmp netstat; do keep "$p/net/$name" "$d/$name"; done
  # Sockets of its network, without the many in TIME_WAIT, which belong to no process any more.
  awk 'FNR > 1 && $4 != "06" { print $2, $3, $4, $5, $10 }' "$p/net/tcp" "$p/net/tcp6" 2>/dev/null |
    head -n 100000 >"$d/sockets"
  ls -l "$p/fd" 2>/dev/null | sed -n 's/.* \([0-9][0-9]*\) -> /\1 /p' >"$d/fds"
  # One io_uring a line: armed polls, completions that found the queue full.
  sed -n 's/^\([0-9]*\) anon_inode:.*io_uring.*/\1/p' "$d/fds" | while read -r fd; do
    awk '/^PollList:/ { list = "polls" } /^CqOverflowList:/ { list = "overflown" }
      /^[^ \t]/ && !/^(PollList|CqOverflowList):/ { list = "" }
      /^[ \t]/ && list != "" { count[list]++ }
      END { print count["polls"] + 0, count["overflown"] + 0 }' "$p/fdinfo/$fd" 2>/dev/null
  done >"$d/rings"
  # One thread a line: id, state, user and system ticks, name; then what its scheduler says.
  for t in "$p"/task/[0-9]*; do
    read -r run wait slices 2>/dev/null <"$t/schedstat" || continue
    printf '%s %s %s %s %s\n' "${t##*/}" "$run" "$wait" "$slices" \
      "$(sed 's/.*) //' "$t/stat" 2>/dev/null | awk '{ print $1, $12, $13 }')"
  done >"$d/tasks"
  awk '/^(Pid|voluntary_ctxt_switches|nonvoluntary_ctxt_switches):/ { printf "%s%s", $2, /^nonvol/ ? "\n" : " " }' \
    "$p"/task/[0-9]*/status >"$d/task-switches" 2>/dev/null
  keep /proc/stat "$d/host-stat"
  keep /proc/pressure/cpu "$d/host-pressure-cpu"
  # Who else runs: pid, name, ticks.
  cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (\(.*\)) /\1 \2 ) /' |
    awk '{ n = NF; for (i = 2; i <= n; i++) if ($i == ")") { name = $2; for (j = 3; j < i; j++) name = name "_" $j; print $1, $(i + 12) + $(i + 13), name; break } }' >"$d/processes"
  cpu_limits >"$d/cgroup-cpu" 2>/dev/null
}

# ── pprof ────────────────────────────────────────────────────────────────────────────────────────

max_profile_bytes=33554432
enter=
if [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$pid/ns/net")" ]; then enter="nsenter -t $pid -n"; fi

# request URL SECONDS FILE: 0 if it holds the whole answer
request() {
  # In the background, where a Ctrl-C of the terminal does not reach it; stop_requests does.
  {
    $enter curl -q --noproxy '*' -sS -f -k --max-time "$2" -H 'Connection: close' "$1" 2>"$3.error" 3>&- 4>&- &
    echo $! >"$work/$$.$!.request"
    wait $!
    echo $? >"$3.status"
    rm -f "$work/$$.$!.request" # its number may be another process's soon
  } | head -c $max_profile_bytes 2>/dev/null >"$3.partial"
  status=$(cat "$3.status" 2>/dev/null || echo 1)
  reason=$(tail -n 1 "$3.error" 2>/dev/null)
  rm -f "$3.status" "$3.error"
  size=$(wc -c <"$3.partial" 2>/dev/null || echo 0)
  if [ "$size" -ge $max_profile_bytes ]; then reason="more than 32 MiB"; status=1
  elif [ "$status" = 0 ] && [ "$size" -eq 0 ]; then reason="an empty answer"; status=1; fi
  if [ "$status" != 0 ]; then rm -f "$3.partial"; return 1; fi
  mv "$3.partial" "$3"
}

# A profile that nobody waits for any more would keep the next one out.
stop_requests() {
  for file in "$work"/*.request; do
    [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null
  done
  rm -f "$work"/*.request
}

# profile NAME QUERY SECONDS FILE: a stage
profile() {
  if request "$pprof$2" "$3" "$4"; then stage "$1" done; else stage "$1" failed "${reason:-curl ended with $status}"; fi
}

# listening: address:port of every TCP socket on which the process listens
listening() {
  ls -l "/proc/$pid/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\].*/\1/p' >"$work/inodes"
  cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null | awk '
    function number(hex, i, n) { n = 0; for (i = 1; i <= length(hex); i++) n = 16 * n + index("0123456789ABCDEF", substr(hex, i, 1)) - 1; return n }
    FNR == NR { own[$1] = 1; next }
    $4 == "0A" && ($10 in own) {
      split($2, part, ":"); port = number(part[2])
      if (length(part[1]) == 8) {
        host = number(substr(part[1], 7, 2)) "." number(substr(part[1], 5, 2)) "." number(substr(part[1], 3, 2)) "." number(substr(part[1], 1, 2))
        if (host == "0.0.0.0") host = "127.0.0.1"
      } else host = part[1] == "00000000000000000000000000000000" || part[1] == "00000000000000000000000001000000" ? "[::1]" : ""
      if (host == "[::1]" && part[1] ~ /^0*$/) host = "127.0.0.1"
      if (host != "") print host ":" port
    }' "$work/inodes" -
}

# An endpoint is the target's if it tells the target's own command line, here in $work/cmdline.
is_own_command_line() {
  tr '\0' '\n' <"/proc/$pid/cmdline" | sed '$!b; /^$/d' >"$work/expected"
  tr '\0' '\n' <"$work/cmdline" >"$work/told"; echo >>"$work/told"
  [ "$(cat "$work/expected")" = "$(cat "$work/told")" ]
}

pprof_reason=
find_pprof() {
  if [ "$pprof" = none ]; then pprof= pprof_reason="not asked for"; return; fi
  if ! command -v curl >/dev/null 2>&1; then pprof= pprof_reason="curl is not installed"; return; fi
  if [ -n "$enter" ] && ! $enter true 2>/dev/null; then
    pprof= pprof_reason="the process has a network of its own, which nsenter cannot enter (root and util-linux needed)"; return
  fi
  if [ -n "$pprof" ]; then
    case $pprof in http://* | https://*) ;; *) die 2 "--pprof: \"$pprof\" seen, expected a URL such as http://127.0.0.1:6060/debug/pprof/" ;; esac
    pprof=${pprof%/}/
    if ! request "${pprof}cmdline" 5 "$work/cmdline"; then pprof_reason="$pprof did not answer: $reason" pprof=
    elif is_own_command_line; then pprof_reason=told
    else
      pprof_reason="$pprof is another program's: it tells the command line \"$(tr '\0' ' ' <"$work/cmdline" | head -c 200)\"" pprof=
    fi
    return
  fi
  for address in $(listening | sort -u | head -n 20); do
    for scheme in http https; do
      if request "$scheme://$address/debug/pprof/cmdline" 2 "$work/cmdline" && is_own_command_line; then
        pprof=$scheme://$address/debug/pprof/ pprof_reason=found; return
      fi
      [ "$status" -ne 7 ] && [ "$status" -ne 28 ] || break
    done
  done
  pprof_reason="no net/http/pprof among the TCP ports on which it listens ($(listening | sort -u | head -n 5 | tr '\n' ' '))"
}

runtime_ends() { # runtime_ends begin|end
  [ -n "$pprof" ] || return 0
  for kind in goroutine heap mutex block; do
    profile "$kind profile, $1" "$kind" 10 "$out/pprof/$1/$kind.pb.gz"
  done
  request "${pprof}goroutine?debug=1" 10 "$out/pprof/$1/goroutine.txt" || return 0
}

# ── netprobe ─────────────────────────────────────────────────────────────────────────────────────

tick() { sleep 0.2 2>/dev/null || sleep 1; }

# await EVENT FILE ATTEMPTS PID
await() {
  n=$3
  while ! grep -q "\"event\":\"$1\"" "$2" 2>/dev/null; do
    n=$((n - 1))
    if [ $n -le 0 ] || ! kill -0 "$4" 2>/dev/null; then return 1; fi
    tick
  done
}

why_not() { tail -n 1 "$1" 2>/dev/null | cut -c1-400; }

start_netprobe() { # start_netprobe NAME ARGUMENTS…: its control is the FIFO $work/NAME.control
  name=$1; shift
  rm -f "$work/$name.control"; mkfifo "$work/$name.control"
  exec_netprobe run --target "target=$pid" --out "$out/netprobe/$name.json" "$@" \
    <"$work/$name.control" >"$work/$name.events" 2>"$work/$name.error" 3>&- 4>&- &
  netprobe_pid=$!
}

# The dear probes and the trace, in a shell of their own: two seconds of both together.
slice() {
  trap '' INT
  if [ -n "$netprobe" ]; then
    start_netprobe scheduler --probes wakeup,heatmap,goroutines,handoff,tls,http2
    exec 4>"$work/scheduler.control"
    if await ready "$work/scheduler.events" 100 $netprobe_pid; then
      echo begin >&4
      await begun "$work/scheduler.events" 25 $netprobe_pid
    else
      stage "netprobe, Go scheduler" failed "$(why_not "$work/scheduler.error")"
      netprobe_pid=
    fi
  else netprobe_pid=; fi
  if [ -n "$pprof" ]; then
    profile "execution trace" "trace?seconds=$slice_seconds" $((slice_seconds + 10)) "$out/pprof/trace.out"
  else sleep $slice_seconds; fi
  if [ -n "$netprobe_pid" ]; then
    echo end >&4
    if await ended "$work/scheduler.events" 50 $netprobe_pid; then stage "netprobe, Go scheduler" done
    else stage "netprobe, Go scheduler" failed "$(why_not "$work/scheduler.error")"; fi
  fi
  exec 4>&-
  : >"$work/slice-done"
}

# ── circuit breaker ──────────────────────────────────────────────────────────────────────────────

now_ticks() { cpu_ticks "/proc/$pid/stat"; }
answer_us() { $enter curl -q --noproxy '*' -s -o "$work/watched" --max-time 5 -w '%{time_total}' "$watch_url" 3>&- 4>&- | awk '{ printf "%d", $1 * 1000000 }'; }
uptime_cs() { read -r up rest </proc/uptime; printf '%s%s' "${up%.*}" "${up#*.}"; } # hundredths of a second

breaker= cpu_strikes=0 latency_strikes=0
look() {
  alive || { breaker="target-exited" breaker_reason="the process has ended"; return 1; }
  t=$(uptime_cs) c=$(now_ticks)
  if [ "$max_cpu_rise" -gt 0 ] && [ $((t - last_t)) -ge 50 ]; then
    load=$(((c - last_c) * 10000 / ticks_per_second / (t - last_t) * 100 / 100)) # percent of one CPU
    if [ $load -gt $((base_load * (100 + max_cpu_rise) / 100)) ] && [ $load -gt $((base_load + 10)) ]; then
      cpu_strikes=$((cpu_strikes + 1))
    else cpu_strikes=0; fi
    last_t=$t last_c=$c
    [ $cpu_strikes -lt 2 ] || { breaker=breaker breaker_reason="the target's CPU time rose from $base_load to $load % of one CPU"; return 1; }
  fi
  if [ -n "$watch_url" ]; then
    us=$(answer_us)
    if [ "$us" -gt $((base_us * (100 + max_latency_rise) / 100)) ] && [ "$us" -gt $((base_us + 10000)) ]; then
      latency_strikes=$((latency_strikes + 1))
    else latency_strikes=0; fi
    [ $latency_strikes -lt 2 ] || { breaker=breaker breaker_reason="$watch_url took $us µs, $base_us before"; return 1; }
  fi
  free=$(df -Pk "$out" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
  [ "${free:-0}" -ge "$min_free_mib" ] || { breaker=disk breaker_reason="$free MiB are free for $out, --min-free-mib is $min_free_mib"; return 1; }
  used=$(du -sk "$out" 2>/dev/null | awk '{ print int($1 / 1024) }')
  [ "${used:-0}" -le "$max_mib" ] || { breaker=disk breaker_reason="the evidence takes $used MiB, --max-mib is $max_mib"; return 1; }
}

# ── the window ───────────────────────────────────────────────────────────────────────────────────

interrupted=
trap 'interrupted=130' INT
trap 'interrupted=143' TERM HUP
trap '' PIPE
cleanup() { exec 3>&- 4>&-; rm -rf "$work"; }
trap cleanup EXIT

started_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
: >"$work/stages"
readlink "/proc/$pid/exe" >"$work/exe"
tr '\0' ' ' <"/proc/$pid/cmdline" >"$work/command-line"
ticks_per_second=$(getconf CLK_TCK 2>/dev/null || echo 100)
echo "$ticks_per_second" >"$out/proc/ticks-per-second" ||
  die 4 "cannot write to $out: $(df -Pk "$out" | awk 'NR == 2 { print int($4 / 1024) }') MiB are free" "--out DIR names another place"
slice_seconds=2
[ "$seconds" -ge 10 ] || slice_seconds=1
cpu_seconds=$((seconds - slice_seconds - 2))

find_pprof
if [ -n "$pprof" ]; then stage "find pprof" done; else stage "find pprof" failed "$pprof_reason"; fi
say "process $pid: $(cut -c1-80 "$work/command-line"); ${pprof:-no pprof}; $seconds s"

first_t=$(uptime_cs) first_c=$(now_ticks)
base_us=0
if [ -n "$watch_url" ]; then base_us=$(answer_us); fi
sleep 2
last_t=$(uptime_cs) last_c=$(now_ticks)
base_load=$(((last_c - first_c) * 10000 / ticks_per_second / (last_t - first_t)))

kernel_pid=
if [ -z "$netprobe" ]; then
  stage "netprobe, kernel" failed "netprobe is neither beside this script nor in PATH"
else
  start_netprobe kernel --set kernel
  kernel_pid=$netprobe_pid
  exec 3>"$work/kernel.control"
  if ! await ready "$work/kernel.events" 100 $kernel_pid; then
    stage "netprobe, kernel" failed "$(why_not "$work/kernel.error")"
    kernel_pid=
  fi
fi

runtime_ends begin
snapshot begin
if [ -n "$pprof" ]; then
  (trap '' INT; profile "CPU profile" "profile?seconds=$cpu_seconds" $((cpu_seconds + 10)) "$out/pprof/cpu.pb.gz") &
  cpu_pid=$!
fi
if [ -n "$kernel_pid" ]; then
  echo begin >&3
  await begun "$work/kernel.events" 25 $kernel_pid || true
fi

begin=$(uptime_cs)
last_t=$begin last_c=$(now_ticks)
ended_by=window
slice_pid= snapshots=0
while :; do
  elapsed=$((($(uptime_cs) - begin) / 100))
  if [ -n "$interrupted" ]; then ended_by=interrupted; break; fi
  if [ -z "$slice_pid" ] && [ $elapsed -gt $cpu_seconds ]; then slice & slice_pid=$!; fi
  if [ -n "$pprof" ] && [ $snapshots -lt 4 ] && [ $elapsed -ge $(((snapshots + 1) * seconds / 5)) ]; then
    snapshots=$((snapshots + 1))
    request "${pprof}goroutine" 5 "$out/pprof/goroutine.$snapshots.pb.gz" || snapshots=4
  fi
  if [ $elapsed -ge "$seconds" ] && [ -f "$work/slice-done" ]; then break; fi
  if [ $elapsed -ge $((seconds + 30)) ]; then stage slice failed "took longer than 30 s"; break; fi
  if ! look; then ended_by=$breaker; stage "circuit breaker" stopped "$breaker_reason"; break; fi
  sleep 1
done

if [ -n "$kernel_pid" ]; then
  echo end >&3
  if await ended "$work/kernel.events" 50 $kernel_pid; then stage "netprobe, kernel" done
  else stage "netprobe, kernel" failed "$(why_not "$work/kernel.error")"; fi
fi
if [ "$ended_by" != window ]; then
  for child in ${cpu_pid-} $slice_pid; do kill "$child" 2>/dev/null; done
  stop_requests
fi
if alive; then
  snapshot end
  if [ "$ended_by" = window ]; then runtime_ends end
  elif [ -n "$pprof" ]; then profile "goroutine profile, end" goroutine 5 "$out/pprof/end/goroutine.pb.gz"; fi
  goroutines=$(sed -n '1s/.*total //p' "$out/pprof/end/goroutine.txt" 2>/dev/null)
  if [ "$dump" = any ] || { [ "$dump" = small ] && [ "${goroutines:-1001}" -le 1000 ]; }; then
    profile "goroutine dump" "goroutine?debug=2" 20 "$out/pprof/end/goroutine-dump.txt"
  elif [ "$dump" = small ]; then
    stage "goroutine dump" skipped "${goroutines:-unknown} goroutines, more than 1,000: --dump-any-size"
  fi
fi
rm -f "$out"/pprof/*.partial "$out"/pprof/*/*.partial "$out"/pprof/*.error "$out"/pprof/*.status
write_record "$ended_by" || die 4 "cannot write $out/diag.json: $(df -Pk "$out" | awk 'NR == 2 { print int($4 / 1024) }') MiB are free" "--out DIR names another place"
if [ $summary = yes ]; then
  print_summary "$out"
  printf '\n%s\n' "$out"
fi
if [ ! -f "$out/netprobe/kernel.json" ] && [ ! -f "$out/proc/end/stat" ]; then exit 4; fi
exit "${interrupted:-0}"
