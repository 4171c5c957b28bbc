// Which `preflight` to run, and whether it runs at all. A server that cannot start must end in a
// message that says what to do, so each way to fail has its own words here and nowhere else.
import { execFile, type ExecFileException } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';

export interface Binary {
  path: string;
  /** Where it was found; the log and the status item say so. */
  origin: 'setting' | 'PATH' | 'bundled';
  /** What `preflight --version` printed, without the program's name. */
  version: string;
}

/** Why there is no server, as a sentence for the user. */
export class NoBinary extends Error {
  constructor(message: string, readonly remedy: 'setting' | 'install') {
    super(message);
  }
}

const executable = process.platform === 'win32' ? 'preflight.exe' : 'preflight';

/** The setting, then `PATH`, then the bundled one. A wrong setting is reported, never ignored. */
export async function findBinary(extension: vscode.Uri): Promise<Binary> {
  const set = vscode.workspace.getConfiguration('preflight').get<string | null>('path')?.trim();
  if (set) {
    const file = resolveSetting(set);
    if (!existsSync(file)) {
      throw new NoBinary(
        `The setting preflight.path names ${file}, which does not exist. Correct it, or clear it to use the bundled server.`,
        'setting',
      );
    }
    if (statSync(file).isDirectory()) {
      throw new NoBinary(
        `The setting preflight.path names the folder ${file}. Name the program in it, or clear the setting to use the bundled server.`,
        'setting',
      );
    }
    return probe(file, 'setting');
  }
  const onPath = findOnPath();
  if (onPath) return probe(onPath, 'PATH');
  const bundled = vscode.Uri.joinPath(extension, 'bin', executable).fsPath;
  if (existsSync(bundled)) return probe(bundled, 'bundled');
  throw new NoBinary(
    `This build of the extension brings no server for ${process.platform}-${process.arch}, and there is no ${executable} on PATH. ` +
      'Install it with "cargo install preflight", or set preflight.path.',
    'install',
  );
}

function resolveSetting(set: string): string {
  if (set === '~' || set.startsWith('~/') || set.startsWith('~\\')) return path.join(homedir(), set.slice(1));
  if (path.isAbsolute(set)) return set;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  return folder ? path.resolve(folder, set) : path.resolve(homedir(), set);
}

function findOnPath(): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    // A relative entry would let the opened folder decide what runs.
    if (!path.isAbsolute(folder)) continue;
    const file = path.join(folder, executable);
    if (existsSync(file) && statSync(file).isFile()) return file;
  }
  return undefined;
}

/** Runs `FILE --version`: a program for another system, without permission, or not ours is reported before it is started as a server. */
function probe(file: string, origin: Binary['origin']): Promise<Binary> {
  const where = { setting: 'which the setting preflight.path names', PATH: 'found on PATH', bundled: 'which this extension brings along' }[origin];
  const advice = {
    setting: 'Correct the setting, or clear it to use the bundled server.',
    PATH: 'Repair that installation, or name a working program in the setting preflight.path.',
    bundled: 'Install the server with "cargo install preflight", and name it in the setting preflight.path.',
  }[origin];
  return new Promise((resolve, reject) => {
    const refuse = (cause: string) =>
      reject(new NoBinary(`${file}, ${where}, does not start: ${cause}. ${advice}`, origin === 'setting' ? 'setting' : 'install'));
    const answered = (error: ExecFileException | null, stdout: string, stderr: string) => {
      const [name, version] = stdout.trim().split(/\s+/, 2);
      if (!error && name === 'preflight' && version) return resolve({ path: file, origin, version });
      if (!error) return refuse('"--version" does not answer as preflight does');
      const firstLine = stderr.trim().split('\n', 1)[0];
      const { code } = error;
      refuse(
        code === 'EACCES' ? 'it may not be executed (permission denied)'
        : code === 'ENOEXEC' || code === 'UNKNOWN' ? 'it is no program for this system'
        : error.killed ? 'it gave no answer within ten seconds'
        : error.signal ? `it was ended by ${error.signal}`
        : typeof code === 'number' ? `"--version" ended with code ${code}${firstLine ? `: ${firstLine}` : ''}`
        : (code ?? error.message),
      );
    };
    try {
      execFile(file, ['--version'], { timeout: 10_000, windowsHide: true }, answered);
    } catch (error) {
      // On Windows what is no program is thrown here.
      answered(error as ExecFileException, '', '');
    }
  });
}
