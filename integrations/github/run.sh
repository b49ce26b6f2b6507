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
  cnpfix="$environment/bin/cnpfix"
  if [ ! -x "$cnpfix" ]; then
    "${INPUT_PYTHON:-python3}" -m venv "$environment"
    pip=("$environment/bin/python" -m pip install --quiet --disable-pip-version-check)
    # Everything from the index by its digest; cnpfix itself from the action's own files, with nothing fetched.
    "${pip[@]}" --require-hashes -r "${CNPFIX_ACTION_PATH:?}/integrations/github/requirements.txt"
    "${pip[@]}" --no-index --no-deps --no-build-isolation "$CNPFIX_ACTION_PATH"
  fi
fi
if [ "${1:-}" = install ]; then exit 0; fi

if [ "$mode" = pr ]; then
  exec "$cnpfix" pr "${arguments[@]}"
fi

# One run with several reports: the annotations on stdout, the others in files.
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
formats=(--format json --output "$reports/report.json" --format markdown --output "$reports/summary.md")
if [ -n "$sarif" ]; then formats+=(--format sarif --output "$sarif"); fi

code=0
"$cnpfix" --check "${formats[@]}" --format github "${arguments[@]}" || code=$?

if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$reports/summary.md" ]; then
  cat "$reports/summary.md" >> "$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ] && [ -f "$reports/report.json" ]; then
  "${INPUT_PYTHON:-python3}" -c '
import json, sys
summary = json.load(open(sys.argv[1], encoding="utf-8"))["summary"]
print("findings=%d" % summary["findings"])
print("fixable=%d" % summary["fixed"])
' "$reports/report.json" >> "$GITHUB_OUTPUT"
  if [ -n "$sarif" ] && [ -f "$sarif" ]; then echo "sarif-file=$sarif" >> "$GITHUB_OUTPUT"; fi
fi

# A report never fails the job for what it found, only for what it could not read.
if [ "$mode" = report ] && [ "$code" = 1 ]; then code=0; fi
exit "$code"
