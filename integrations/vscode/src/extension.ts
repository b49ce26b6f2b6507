import { commands, ExtensionContext, workspace } from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

/** Starts `cnpfix server` for YAML files. Settings of a machine name the command: a repository cannot. */
export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(commands.registerCommand("cnpfix.restart", restart));
  await start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function start(): Promise<void> {
  const settings = workspace.getConfiguration("cnpfix");
  const server: ServerOptions = {
    command: settings.get<string>("path", "cnpfix"),
    args: ["server", ...settings.get<string[]>("arguments", [])],
  };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: "file", language: "yaml" }],
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/{*.yaml,*.yml,cnpfix.toml}") },
  };
  client = new LanguageClient("cnpfix", "cnpfix", server, options);
  await client.start();
}

async function restart(): Promise<void> {
  await client?.stop();
  await start();
}
