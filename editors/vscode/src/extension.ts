// The extension's life: it starts the server, says clearly when it cannot, and wires commands to it.
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { ExecuteCommandRequest, State, type LanguageClient } from 'vscode-languageclient/node';
import { findBinary, NoBinary, type Binary } from './binary';
import { languages, makeClient } from './client';
import { DeploymentPages, reveal, revealCommand } from './deployment';
import { statusChanged, statusRequest } from './protocol';
import { StatusItem } from './status';

let client: LanguageClient | undefined;
let binary: Binary | undefined;
let log: vscode.OutputChannel;
let item: StatusItem;
let pages: DeploymentPages;
let extension: vscode.Uri;
/** Starts and stops follow one another; two restarts at once would leave two servers. */
let turn: Promise<void> = Promise.resolve();

export async function activate(context: vscode.ExtensionContext) {
  extension = context.extensionUri;
  log = vscode.window.createOutputChannel('Preflight');
  item = new StatusItem();
  pages = new DeploymentPages(() => client);
  context.subscriptions.push(
    log,
    item,
    pages,
    vscode.commands.registerCommand('preflight.restart', restart),
    vscode.commands.registerCommand('preflight.showLog', () => log.show(true)),
    vscode.commands.registerCommand('preflight.scanWorkspace', scanWorkspace),
    vscode.commands.registerCommand('preflight.showDeployment', showDeployment),
    vscode.commands.registerCommand(revealCommand, reveal),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('preflight.path')) void restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void restart()),
  );
  void vscode.commands.executeCommand('setContext', 'preflight.languages', languages);
  void tellIgnoredPath();
  await restart();
}

export async function deactivate() {
  await (turn = turn.then(stop));
}

function restart(): Promise<void> {
  return (turn = turn.then(stop).then(start));
}

async function stop() {
  const old = client;
  client = undefined;
  binary = undefined;
  if (!old) return;
  try {
    // A server that died or never came up has nothing to be asked.
    if (old.needsStop()) await old.stop(5_000);
    await old.dispose();
  } catch (error) {
    log.appendLine(`The old server did not stop cleanly: ${message(error)}`);
  }
}

async function start() {
  item.starting();
  try {
    binary = await findBinary(extension);
    log.appendLine(`Server: ${binary.path} (${binary.origin}), version ${binary.version}`);
    let diedEarly = () => {};
    const death = new Promise<never>((_, reject) => (diedEarly = () => reject(new Error('it ended at once'))));
    const starting = (client = makeClient(binary, log, { diedEarly, gaveUp }));
    starting.onNotification(statusChanged, (status) => {
      item.show(status, binary);
      void pages.refreshAll();
    });
    starting.onDidChangeState(({ newState }) => {
      if (client !== starting) return;
      if (newState === State.Starting) item.starting();
      // After a restart of its own, too: the client comes here without passing through start().
      if (newState === State.Running) void askStatus(starting);
    });
    // Whichever is told first; the other must not count as unhandled.
    const started = starting.start();
    started.catch(() => {});
    death.catch(() => {});
    await Promise.race([started, death]);
  } catch (error) {
    await stop();
    tellFailure(error);
  }
}

async function askStatus(from: LanguageClient) {
  try {
    const status = await from.sendRequest(statusRequest);
    if (client === from) item.show(status, binary);
  } catch (error) {
    log.appendLine(`preflight/status: ${message(error)}`);
  }
}

function gaveUp() {
  const why = 'the server ended five times within three minutes and is not started again.';
  log.appendLine(`Preflight: ${why}`);
  item.stopped(`${why} Click to start it again.`);
  void offer(`Preflight: ${why} The log says more.`, 'Show Log', 'Restart Server');
}

function tellFailure(error: unknown) {
  const known = error instanceof NoBinary;
  const why = known ? error.message : `The server started, but did not answer as a language server (${message(error)}). The log says more, or set preflight.path to another one.`;
  log.appendLine(why);
  item.stopped(why);
  void offer(`Preflight: ${why}`, ...(known && error.remedy === 'setting' ? ['Open Setting', 'Show Log'] : ['Show Log', 'Open Setting']));
}

async function offer(text: string, ...actions: string[]) {
  const chosen = await vscode.window.showErrorMessage(text, ...actions);
  if (chosen === 'Show Log') log.show(true);
  if (chosen === 'Restart Server') await restart();
  if (chosen === 'Open Setting') await vscode.commands.executeCommand('workbench.action.openSettings', 'preflight.path');
}

/**
 * In Restricted Mode the editor leaves out the folder's own `preflight.path`. That is silent, so a user
 * who set it would wonder which server runs: the settings file is read to tell only those.
 */
async function tellIgnoredPath() {
  if (vscode.workspace.isTrusted) return;
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const file = vscode.Uri.joinPath(folder.uri, '.vscode', 'settings.json');
    const settings = file.scheme === 'file' ? await readFile(file.fsPath, 'utf8').catch(() => '') : '';
    if (!/"preflight\.path"\s*:/.test(settings)) continue;
    const chosen = await vscode.window.showWarningMessage(
      `Preflight: the folder ${folder.name} sets preflight.path, which is ignored because you have not trusted the folder. ` +
        'Another server runs in its place. Trust the folder to use its own.',
      'Manage Trust',
    );
    if (chosen) await vscode.commands.executeCommand('workbench.trust.manage');
    return;
  }
}

async function scanWorkspace() {
  if (!client?.isRunning()) return void offer('Preflight: the server is not running.', 'Restart Server', 'Show Log');
  await client.sendRequest(ExecuteCommandRequest.type, { command: 'preflight.scan' });
}

async function showDeployment(given?: unknown) {
  const uri = given instanceof vscode.Uri ? given : vscode.window.activeTextEditor?.document.uri;
  if (!uri) return void vscode.window.showInformationMessage('Preflight: open a Bicep file or a template first.');
  if (!client?.isRunning()) return void offer('Preflight: the server is not running.', 'Restart Server', 'Show Log');
  await pages.open(uri);
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
