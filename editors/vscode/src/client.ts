// The language client: what the server learns about the editor, and what happens when it exits.
import { spawn, type ChildProcess } from 'node:child_process';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type ErrorHandler,
  type LanguageClientOptions,
  type StaticFeature,
} from 'vscode-languageclient/node';
import type { Binary } from './binary';

/** Languages that a Bicep file or an ARM template may be opened as; arm-template is the ARM Tools extension's. */
export const languages = ['bicep', 'bicep-params', 'json', 'jsonc', 'arm-template'];

/**
 * By language, and by name as well: without the Bicep extension, or with an association of the user's,
 * a `.bicep` file can be anything. The rule file is here so that an unsaved suppression counts.
 */
const documentSelector = [
  ...languages.flatMap((language) => [{ scheme: 'file', language }, { scheme: 'untitled', language }]),
  { scheme: 'file', pattern: '**/*.{bicep,bicepparam}' },
  { scheme: 'file', pattern: '**/{ps-rule,psrule}.{yaml,yml}' },
];

/** Unset settings are left out: then `ps-rule.yaml` decides. */
export function settings(resource?: vscode.Uri): Record<string, unknown> {
  const section = vscode.workspace.getConfiguration('preflight', resource);
  return Object.fromEntries(
    ['plan', 'coverage', 'hints'].map((key) => [key, section.get(key)]).filter(([, value]) => value !== null && value !== undefined),
  );
}

/** The server sends `preflight/statusChanged` only to a client that says it listens. */
const statusCapability: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...capabilities.experimental, preflightStatus: true };
  },
  initialize() {},
  getState: () => ({ kind: 'static' }),
  clear() {},
};

/**
 * A server that dies before it ever answered would only die again: that is a failed start. Later, five
 * crashes within three minutes are no accident either: then it stays stopped. Both are reported to the user.
 */
class Restarts implements ErrorHandler {
  private deaths: number[] = [];
  ran = false;
  /** It was stopped on purpose. */
  over = false;
  constructor(private readonly on: Deaths) {}

  error(_error: Error, _message: unknown, count: number | undefined) {
    // Written to the log only: `closed` reports a server that stops, once.
    return { action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true };
  }

  closed() {
    if (this.over) return { action: CloseAction.DoNotRestart, handled: true };
    if (!this.ran) {
      this.on.diedEarly();
      return { action: CloseAction.DoNotRestart, handled: true };
    }
    const now = Date.now();
    this.deaths = [...this.deaths.filter((death) => now - death < 3 * 60_000), now];
    if (this.deaths.length < 5) return { action: CloseAction.Restart, handled: true };
    this.on.gaveUp('the server ended five times within three minutes and is not started again.');
    return { action: CloseAction.DoNotRestart, handled: true };
  }
}

export interface Deaths {
  /** The server ended before it answered `initialize`. */
  diedEarly(): void;
  /** The server ended and is not started again. */
  gaveUp(why: string): void;
}

/**
 * The library has a notification of its own for each thing that goes wrong while a server fails to start. The editor
 * shows three at a time, so these would hide the one that says what to do: while no server runs, they only go to the log.
 */
class QuietClient extends LanguageClient {
  quiet = true;

  override error(text: string, data?: unknown, show?: boolean | 'force') {
    super.error(text, data, this.quiet ? false : show);
  }
}

export interface Server {
  client: LanguageClient;
  /** Ends the process for good, also one that never answers; one that was asked to go has so long to do it (ms). */
  end(grace: number): void;
}

export function makeClient(binary: Binary, log: vscode.OutputChannel, deaths: Deaths): Server {
  const restarts = new Restarts(deaths);
  let child: ChildProcess | undefined;
  const run = () =>
    new Promise<ChildProcess>((resolve, reject) => {
      if (restarts.over) return reject(new Error('it is not wanted any more'));
      const started = (child = spawn(binary.path, ['server'], { windowsHide: true }));
      started.once('spawn', () => resolve(started));
      started.once('error', (error) => {
        reject(error);
        if (!restarts.ran) return;
        client.quiet = true;
        deaths.gaveUp(`the server ended, and could not be started again (${error.message}).`);
      });
    });
  // The server asks for the files it wants watched. For a folder that is deleted or created the editor sends one event,
  // and none for the files in it.
  const folders = vscode.workspace.createFileSystemWatcher('**/', false, true, false);
  const options: LanguageClientOptions = {
    documentSelector,
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    diagnosticCollectionName: 'preflight',
    initializationOptions: () => settings(),
    synchronize: { configurationSection: 'preflight', fileEvents: folders },
    errorHandler: restarts,
    // The extension reports a failed start itself, with a remedy.
    initializationFailedHandler: () => false,
    middleware: {
      workspace: {
        // Answered by hand so that null, the unset value of a setting, never reaches the server.
        configuration: (params) =>
          params.items.map((item) => {
            const resource = item.scopeUri ? vscode.Uri.parse(item.scopeUri) : undefined;
            if (item.section === 'preflight') return settings(resource);
            return item.section ? (vscode.workspace.getConfiguration(undefined, resource).get(item.section) ?? null) : null;
          }),
      },
    },
  };
  const client = new QuietClient('preflight', 'Preflight', run, options);
  client.registerFeature(statusCapability);
  client.onDidChangeState(({ newState }) => {
    if (newState !== State.Running) return;
    restarts.ran = true;
    client.quiet = false;
  });
  return {
    client,
    end(grace) {
      restarts.over = client.quiet = true;
      folders.dispose();
      const last = child;
      setTimeout(() => last?.kill('SIGKILL'), grace);
    },
  };
}
