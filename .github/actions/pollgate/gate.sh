#!/usr/bin/env bash
# Runs the suite $SUITE; its exit code is the gate. Settings come in the environment, never in the
# text of a script: $SCENARIOS and $BASELINES (relative to the workspace, or empty), $REQUIRE (names
# separated by commas, or empty) and $UNDECIDED (fail or warn: what exit code 6 does).
set -euo pipefail
cd "$GITHUB_ACTION_PATH/../../.."

case "$UNDECIDED" in
  fail | warn) ;;
  *) echo "::error title=pollgate::undecided must be fail or warn, not '$UNDECIDED'"; exit 2 ;;
esac
arguments=("$SUITE")
[ -z "$SCENARIOS" ] || arguments+=("--scenarios=$GITHUB_WORKSPACE/$SCENARIOS")
[ -z "$BASELINES" ] || arguments+=("--baselines=$GITHUB_WORKSPACE/$BASELINES")
[ -z "$REQUIRE" ] || arguments+=("--require=$REQUIRE")

# What a server prints must not be taken for a workflow command.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$token"
code=0
npm run bench -- "${arguments[@]}" || code=$?
echo "::$token::"

if [ "$code" = 6 ] && [ "$UNDECIDED" = warn ]; then
  echo "::warning title=pollgate::$SUITE: nothing is shown to be worse, and not every metric could be decided (exit code 6)"
  exit 0
fi
exit "$code"
