// Makes a VSIX for one platform, with the server's binary inside.
//
//   npm run package                                      this machine, ../../target/release/preflight
//   npm run package -- --target win32-x64 --binary PATH  another platform, a binary built elsewhere
//   npm run package -- --no-binary                       any platform, no binary: the setting or PATH must name one
//   npm run package -- --out FILE                        where the VSIX goes (default: this folder)
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(here);

const targets = [
  'win32-x64', 'win32-arm64', 'linux-x64', 'linux-arm64', 'alpine-x64', 'alpine-arm64', 'darwin-x64', 'darwin-arm64',
];

const given = {};
for (let i = 2; i < process.argv.length; i++) {
  const argument = process.argv[i];
  if (argument === '--no-binary') given.bare = true;
  else if (['--target', '--binary', '--out'].includes(argument)) given[argument.slice(2)] = process.argv[++i];
  else fail(`unknown argument ${argument}`);
}

const target = given.target ?? `${process.platform}-${process.arch}`;
if (!given.bare && !targets.includes(target)) fail(`no VS Code for ${target}; one of ${targets.join(', ')}`);

rmSync('bin', { recursive: true, force: true });
if (!given.bare) {
  const name = target.startsWith('win32') ? 'preflight.exe' : 'preflight';
  const source = given.binary ?? path.join('..', '..', 'target', 'release', name);
  if (!existsSync(source)) {
    fail(`${source} is not there. Build it with "cargo build --release", name another with --binary, or leave it out with --no-binary.`);
  }
  mkdirSync('bin');
  copyFileSync(source, path.join('bin', name));
  chmodSync(path.join('bin', name), 0o755);
}

run('scripts/build.mjs');
const vsce = createRequire(import.meta.url).resolve('@vscode/vsce/vsce');
run(vsce, 'package', '--no-dependencies',
  ...(given.bare ? [] : ['--target', target]),
  ...(given.out ? ['--out', given.out] : []));

function run(...args) {
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}

function fail(message) {
  console.error(`package: ${message}`);
  process.exit(2);
}
