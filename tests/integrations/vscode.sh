#!/usr/bin/env bash
# vscode.sh CNPFIX: builds and packages the extension, and runs what is in the package with that command as its server.
set -euo pipefail
cnpfix=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=$top/build/vscode
mkdir -p "$work" "$top/dist"
cp -r "$top/integrations/vscode/." "$work/"
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock
npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock --prefix "$top/build/vsce" @vscode/vsce@3.6.0
npx --no-install tsc -p .
"$top/build/vsce/node_modules/.bin/vsce" package --allow-missing-repository -o "$top/dist/cnpfix.vsix" > package.log || { cat package.log; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m zipfile -e "$top/dist/cnpfix.vsix" "$folder"
cp "$here/policy.yaml" "$folder/policy.yaml"
cd "$folder"
timeout 60 node "$here/vscode.cjs" "$folder/extension" "$cnpfix" "$folder/policy.yaml" "$(cat "$folder/policy.yaml")"
