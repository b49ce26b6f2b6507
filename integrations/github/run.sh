#!/usr/bin/env bash
# The action's work: installs cnpfix beside itself, runs it, and tells GitHub what it found.
# Runs outside GitHub too, with the INPUT_ variables set. CNPFIX names an installed cnpfix to use instead.
set -euo pipefail

mode=${INPUT_MODE:-check}
sarif=${INPUT_SARIF_FILE:-}

case $mode in
  check | report | pr) ;;
  *) echo "cnpfix: mode: expected check, report or pr, not '$mode'" >&2; exit 2 ;;
esac

# One argument a line, so that names with blanks stay whole.
arguments=()
lines() {
  local line
  while IFS= read -r line; do
    if [ -n "$line" ]; then arguments+=("$line"); fi
  done <<< "$1"
}
if [ -n "${INPUT_FROM:-}" ]; then arguments+=(--from "$INPUT_FROM"); fi
if [ -n "${INPUT_TO:-}" ]; then arguments+=(--to "$INPUT_TO"); fi
if [ -n "${INPUT_CONFIG:-}" ]; then arguments+=(--config "$INPUT_CONFIG"); fi
if [ "${INPUT_UNSAFE_FIXES:-false}" = true ]; then arguments+=(--unsafe-fixes); fi
lines "${INPUT_ARGS:-}"
arguments+=(--)
lines "${INPUT_PATHS:-.}"

cnpfix=${CNPFIX:-}
if [ -z "$cnpfix" ]; then
  environment="${RUNNER_TEMP:-$(mktemp -d)}/cnpfix"
  extra=""
  if [ "$mode" = pr ]; then extra="[pr]"; fi
  "${INPUT_PYTHON:-python3}" -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "${CNPFIX_ACTION_PATH:?}$extra"
  cnpfix="$environment/bin/cnpfix"
fi

if [ "$mode" = pr ]; then
  exec "$cnpfix" pr "${arguments[@]}"
fi

code=0
"$cnpfix" --check --format github "${arguments[@]}" || code=$?

if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  "$cnpfix" --format markdown "${arguments[@]}" 2>/dev/null >> "$GITHUB_STEP_SUMMARY" || true
fi
if [ -n "$sarif" ]; then
  "$cnpfix" --format sarif --output "$sarif" "${arguments[@]}" > /dev/null 2>&1 || true
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  "$cnpfix" --format json "${arguments[@]}" 2>/dev/null | "${INPUT_PYTHON:-python3}" -c '
import json, sys
summary = json.load(sys.stdin)["summary"]
print("findings=%d" % summary["findings"])
print("fixable=%d" % summary["fixed"])
' >> "$GITHUB_OUTPUT" || true
  if [ -n "$sarif" ] && [ -f "$sarif" ]; then echo "sarif-file=$sarif" >> "$GITHUB_OUTPUT"; fi
fi

# A report never fails the job for what it found, only for what it could not read.
if [ "$mode" = report ] && [ "$code" = 1 ]; then code=0; fi
exit "$code"
