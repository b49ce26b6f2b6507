#!/usr/bin/env bash
# check.sh PYTHON...: the archive as krew unpacks it, run by kubectl with each Python: it does what its entry promises.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
archive=$top/dist/kubectl-cnpfix.tar.gz
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tar -C "$folder" -xzf "$archive"
[ -x "$folder/kubectl-cnpfix" ] && [ -s "$folder/LICENSE" ]
if unzip -l "$folder/kubectl-cnpfix" | grep -E '\.(so|pyd|dylib)$'; then echo "compiled files in the archive" >&2; exit 1; fi
cp "$top/tests/integrations/policy.yaml" "$folder/policy.yaml"
for python in "$@"; do
  bin=$(mktemp -d -p "$folder")
  ln -s "$(command -v "$python")" "$bin/python3"
  export PATH="$bin:$folder:$PATH" SHIV_ROOT="$bin/shiv"
  kubectl cnpfix --version | grep -q '^cnpfix '
  (cd "$folder" && kubectl cnpfix --dry-run policy.yaml | grep -q 'CNP007')
  # The extra is in it: what fails is the cluster that is not there, and not an import.
  answer=$(KUBECONFIG="$folder/none" kubectl cnpfix snapshot --context nowhere -o "$folder/facts.json" 2>&1 || true)
  case $answer in
    *extra*|*import*|*Traceback*) echo "$answer" >&2; exit 1 ;;
    *nowhere*|*kubeconfig*) ;;
    *) echo "unexpected: $answer" >&2; exit 1 ;;
  esac
  echo "$("$python" --version): runs as a plugin of kubectl"
done
