#!/usr/bin/env bash
# Runs the gate against $BASE. Outputs: `code`, its exit code, or `none` where there is no release to
# compare with; and `directory` of the run, whose report goes into the job summary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

none() {
  echo "::warning title=gate::$1"
  echo "code=none" >> "$GITHUB_OUTPUT"
  exit 0
}
if [ "$BASE" = release ]; then
  # Of a release itself, the one before it. A git that fails is no answer: it ends the script.
  here=$(git tag --points-at HEAD --list 'v[0-9]*')
  earlier=$(git tag --merged HEAD --list 'v[0-9]*' | grep -vxF -e "$here" || true)
  [ -n "$earlier" ] || none "there is no earlier release: no tag such as v1.2.0 is reachable"
fi

# What a server prints must not be taken for a workflow command.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
code=0
npm run gate -- "--base=$BASE" || code=$?
echo "::$token::"
echo "code=$code" >> "$GITHUB_OUTPUT"

directory=$(find reports -maxdepth 1 -type d -name '*Z*-gate' 2> /dev/null | sort | tail -n 1)
[ -n "$directory" ] || exit 0
echo "directory=$directory" >> "$GITHUB_OUTPUT"
[ ! -f "$directory/report.md" ] || cat "$directory/report.md" >> "$GITHUB_STEP_SUMMARY"
