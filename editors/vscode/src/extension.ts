// The extension's life: it starts the server, says clearly when it cannot, and wires commands to it.
import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { ExecuteCommandRequest, State, type LanguageClient } from 'vscode-languageclient/node';
import { findBinary, NoBinary, type Binary } from './binary';
import { languages, makeClient, type Server } from './client';
import { DeploymentPages, reveal, revealCommand } from './deployment';
import { statusChanged, statusRequest } from './protocol';
import { StatusItem } from './status';

let client: LanguageClient | undefined;
let server: Server | undefined;
let binary: Binary | undefined;
let log: vscode.OutputChannel;
let item: StatusItem;
let pages: DeploymentPages;
let extension: vscode.Uri;
/** Starts and stops follow one another; two restarts at once would leave two servers. */
let turn: Promise<void> = Promise.resolve();
/** Gives up a start that is under way: one that waits for a server that never answers must not keep others waiting. */
let giveUpStart = () => {};

/** How long a server may take to answer `initialize`, which it does before it reads any file (ms). */
const patience = 30_000;

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
  giveUpStart();
  await (turn = turn.then(stop));
}

function restart(): Promise<void> {
  giveUpStart();
  return (turn = turn.then(stop).then(start));
}

async function stop() {
  const old = server;
  client = server = binary = undefined;
  if (!old) return;
  // A server that died or never came up has nothing to be asked.
  let grace = 0;
  try {
    if (old.client.isRunning()) {
      await old.client.stop(5_000);
      grace = 2_000;
    }
  } catch (error) {
    log.appendLine(`The old server did not stop cleanly: ${message(error)}`);
  }
  old.end(grace);
}

async function start() {
  item.starting();
  let givenUp = false;
  let timer: NodeJS.Timeout | undefined;
  try {
    binary = await findBinary(extension);
    log.appendLine(`Server: ${binary.path} (${binary.origin}), version ${binary.version}`);
    let fail = (_why: Error) => {};
    const failure = new Promise<never>((_, reject) => (fail = reject));
    const starting = makeClient(binary, log, { diedEarly: () => fail(new Error('it ended at once')), gaveUp });
    server = starting;
    const own = (client = starting.client);
    giveUpStart = () => {
      givenUp = true;
      fail(new Error('it was given up'));
    };
    timer = setTimeout(() => fail(new Error('it gave no answer within half a minute')), patience);
    own.onNotification(statusChanged, (status) => {
      item.show(status, binary);
      void pages.refreshAll();
    });
    own.onDidChangeState(({ newState }) => {
      if (client !== own) return;
      if (newState === State.Starting) item.starting();
      // After a restart of its own, too: the client comes here without passing through start().
      if (newState === State.Running) void askStatus(own);
    });
    // Whichever is reported first; the other must not count as unhandled.
    const started = own.start();
    started.catch(() => {});
    failure.catch(() => {});
    await Promise.race([started, failure]);
  } catch (error) {
    await stop();
    if (!givenUp) tellFailure(error);
  } finally {
    clearTimeout(timer);
    giveUpStart = () => {};
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

function gaveUp(why: string) {
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
