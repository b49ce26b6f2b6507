// The built extension, activated in the place of an editor: what it would start is started, and answers with a finding.
// Only the editor's own part is a stand-in, so that this is quick; the server is the real one. editor.sh has the real editor.
"use strict";
const assert = require("node:assert");
const { spawn } = require("node:child_process");
const Module = require("node:module");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [folder, command, policy, text] = process.argv.slice(2);
const settings = { path: command, arguments: [] };
const started = [];
const registered = {};
const stands = {
  vscode: {
    commands: { registerCommand: (name, run) => ((registered[name] = run), { dispose() {} }) },
    workspace: {
      getConfiguration: (section) => (assert.equal(section, "cnpfix"), { get: (key, other) => settings[key] ?? other }),
      createFileSystemWatcher: (glob) => ({ glob }),
    },
  },
  "vscode-languageclient/node": {
    LanguageClient: class {
      constructor(id, name, server, options) {
        Object.assign(this, { id, name, server, options });
      }
      async start() {
        started.push(this);
      }
      async stop() {}
    },
  },
};
const load = Module._load;
Module._load = function (name, ...rest) {
  return stands[name] ?? load.call(this, name, ...rest);
};

async function main() {
  const extension = require(path.join(folder, "out", "extension.js"));
  await extension.activate({ subscriptions: [] });
  await registered["cnpfix.restart"]();
  assert.equal(started.length, 2, "restart starts the server once more");
  const { server, options } = started[1];
  assert.deepEqual(options.documentSelector, [{ scheme: "file", language: "yaml" }]);
  const diagnostics = await first(server, pathToFileURL(policy).href);
  assert.deepEqual(diagnostics.map((found) => found.code), ["CNP007"]);
  console.log(`vscode: ${server.command} ${server.args.join(" ")} answers ${diagnostics[0].code}`);
}

/** The first diagnostics that the server publishes of a document. */
async function first(server, uri) {
  const rpc = require(path.join(folder, "node_modules", "vscode-jsonrpc", "node.js"));
  const child = spawn(server.command, server.args, { stdio: ["pipe", "pipe", "inherit"] });
  const wire = rpc.createMessageConnection(new rpc.StreamMessageReader(child.stdout), new rpc.StreamMessageWriter(child.stdin));
  const published = new Promise((resolve) => {
    wire.onNotification("textDocument/publishDiagnostics", (sent) => sent.uri === uri && resolve(sent.diagnostics));
  });
  wire.listen();
  await wire.sendRequest("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
  await wire.sendNotification("initialized", {});
  await wire.sendNotification("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version: 1, text } });
  const diagnostics = await published;
  await wire.sendRequest("shutdown");
  await wire.sendNotification("exit");
  wire.dispose();
  return diagnostics;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
