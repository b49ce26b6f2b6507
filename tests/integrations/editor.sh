#!/usr/bin/env bash
# editor.sh CNPFIX: the packaged extension in the real Visual Studio Code (as code-server, in a browser): what a person
# sees of a policy, hovers over and mends. Takes some minutes the first time; needs npm, chromium and a C++ compiler.
set -euo pipefail
cnpfix=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
  { echo "NOT TESTED: the extension in the editor, because chromium is not installed"; exit 0; }
[ -f "$top/dist/cnpfix.vsix" ] || bash "$here/vscode.sh" "$cnpfix"

code=$top/build/code-server
mkdir -p "$code"
cd "$code"
quietly() { npm "$@" --silent --no-audit --no-fund --no-package-lock >npm.log 2>&1 || { cat npm.log; exit 1; }; }
if [ ! -f ready ]; then
  # code-server asks for Node.js 24, which the registry has as a package; its own install script compiles much more.
  quietly install --prefix . node@24 playwright-core@1
  (cd node_modules/node && node installArchSpecificPackage.js >/dev/null 2>&1) || true
  export PATH=$code/node_modules/node/bin:$PATH
  quietly install --prefix . --ignore-scripts code-server@4.139.1
  cd node_modules/code-server/lib/vscode
  quietly install --omit=dev --ignore-scripts
  quietly rebuild @vscode/spdlog node-pty @parcel/watcher --foreground-scripts
  (cd extensions && quietly install --omit=dev --ignore-scripts)
  cd "$code"
  touch ready
fi
export PATH=$code/node_modules/node/bin:$PATH
work=$(mktemp -d)
mkdir -p "$work/user/User" "$work/user/Machine" "$work/shop"
cp "$here/policy.yaml" "$work/shop/policy.yaml"
node -e 'console.log(JSON.stringify({"cnpfix.path": process.argv[1], "workbench.startupEditor": "none",
  "telemetry.telemetryLevel": "off", "security.workspace.trust.enabled": false, "files.autoSave": "off"}))' "$cnpfix" |
  tee "$work/user/User/settings.json" >"$work/user/Machine/settings.json"
server() {
  exec node node_modules/code-server/out/node/entry.js --config "$work/config.yaml" --user-data-dir "$work/user" \
    --extensions-dir "$work/ext" "$@"
}
(server --install-extension "$top/dist/cnpfix.vsix") >"$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
server --auth none --bind-addr 127.0.0.1:0 --disable-telemetry --disable-update-check --disable-workspace-trust \
  >"$work/server.log" 2>&1 &
running=$!
trap 'kill $running; rm -rf "$work"' EXIT
NODE_PATH=$code/node_modules timeout 300 node "$here/editor.cjs" "$chromium" "$work" || { tail -20 "$work/server.log"; exit 1; }
