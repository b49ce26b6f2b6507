#!/usr/bin/env bash
# try_hooks.sh PYTHON: pre-commit's own try-repo with both hooks, on a repository made for it. Needs a package index.
set -euo pipefail
python=$1
source=$(git rev-parse --show-toplevel)
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PRE_COMMIT_HOME="$folder/cache"

"$python" -m venv "$folder/environment"
"$folder/environment/bin/python" -m pip install --quiet --disable-pip-version-check "pre-commit>=${PRE_COMMIT_VERSION:-4.0.1}"
pre_commit="$folder/environment/bin/pre-commit"

# A clone, so that pre-commit sees what is committed and leaves nothing behind.
git clone --quiet "$source" "$folder/cnpfix"
mkdir "$folder/repository" && cd "$folder/repository"
git init --quiet . && git config user.name test && git config user.email test@localhost
cat > cnpfix.toml <<'TOML'
[[clusters]]
name = "cluster-a"
local = ["**"]
[[clusters]]
name = "cluster-b"
[passes.cluster-entity]
remote = "all"
TOML
cat > policy.yaml <<'YAML'
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
  - fromEntities: [cluster]
YAML
git add . && git commit --quiet -m "a policy"

if "$pre_commit" try-repo "$folder/cnpfix" cnpfix-check --all-files; then
  echo "cnpfix-check passed where it must fail" >&2; exit 1
fi
git diff --exit-code || { echo "cnpfix-check changed a file" >&2; exit 1; }
if "$pre_commit" try-repo "$folder/cnpfix" cnpfix --all-files; then
  echo "cnpfix changed a file, and pre-commit did not see it" >&2; exit 1
fi
git diff --stat | grep -q policy.yaml || { echo "cnpfix fixed nothing" >&2; exit 1; }
"$pre_commit" try-repo "$folder/cnpfix" cnpfix --all-files
"$pre_commit" try-repo "$folder/cnpfix" cnpfix-check --all-files
echo "both hooks do what they say"
