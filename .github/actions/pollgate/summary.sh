#!/usr/bin/env bash
# Puts the newest report of the suite $SUITE into the job summary and names its run directory for
# the upload. A run that never began has no report; the step that failed says why.
set -euo pipefail

root=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
[ -d "$root/reports" ] || exit 0
report=$(find "$root/reports" -path "*Z-$SUITE/report.md" | sort | tail -n 1)
[ -n "$report" ] || exit 0
cat "$report" >> "$GITHUB_STEP_SUMMARY"
echo "directory=$(dirname "$report")" >> "$GITHUB_OUTPUT"
