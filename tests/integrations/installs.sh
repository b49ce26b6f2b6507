#!/usr/bin/env bash
# installs.sh BUILDER PYTHON...: the wheel in a new environment of each Python by pip, by pipx and by uvx; it works in each.
set -euo pipefail
builder=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$builder" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$work" "$top"
wheel=$(ls "$work"/cnpfix-*.whl)
cp "$top/tests/integrations/policy.yaml" "$work/policy.yaml"

# works COMMAND...: the command finds what is wrong in the policy, and says its version.
works() {
  "$@" --version | grep -q '^cnpfix '
  "$@" --dry-run "$work/policy.yaml" | grep -q CNP007
}

for python in "$@"; do
  command -v "$python" >/dev/null && "$python" -c '' 2>/dev/null || { echo "NOT TESTED: $python is not on this machine"; continue; }
  "$python" -m venv "$work/$python"
  "$work/$python/bin/pip" install --quiet --disable-pip-version-check "$wheel"
  works "$work/$python/bin/cnpfix"
  "$work/$python/bin/python" -c 'import cnpfix; assert cnpfix.check and cnpfix.fix and cnpfix.impact'
  [ -s "$work/$python/share/man/man1/cnpfix.1" ]
  echo "pip, $("$work/$python/bin/python" --version): works"
done
"$builder" -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet --disable-pip-version-check pipx uv
PIPX_HOME=$work/pipx PIPX_BIN_DIR=$work/pipx/bin PIPX_MAN_DIR=$work/pipx/man \
  "$work/tools/bin/pipx" install --quiet "$wheel" >/dev/null
works "$work/pipx/bin/cnpfix"
echo "pipx: works"
UV_CACHE_DIR=$work/uv works "$work/tools/bin/uvx" --quiet --from "$wheel" cnpfix
echo "uvx: works"
