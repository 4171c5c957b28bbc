// The VS Code extension finds `preflight.exe`: run by node.exe, with what was unpacked from the VSIX for win32-x64.
//
//   node.exe extension.cjs BINARY_MODULE EXTENSION_FOLDER
//
// BINARY_MODULE is editors/vscode/src/binary.ts, bundled. Of VS Code it needs one setting and the joining of paths.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const Module = require('node:module');
const os = require('node:os');
const path = require('node:path');

const [binaryModule, extension] = process.argv.slice(2).map((argument) => path.resolve(argument));
let setting = null;
const vscode = {
  workspace: { getConfiguration: () => ({ get: () => setting }) },
  Uri: { joinPath: (base, ...parts) => ({ fsPath: path.join(base.fsPath, ...parts) }) },
};
const load = Module._load;
Module._load = (request, ...rest) => (request === 'vscode' ? vscode : load(request, ...rest));
const { findBinary } = require(binaryModule);

async function main() {
  assert.equal(process.platform, 'win32');
  const uri = { fsPath: extension };
  const bundled = path.join(extension, 'bin', 'preflight.exe');

  process.env.PATH = '';
  let found = await findBinary(uri);
  assert.deepEqual([found.path, found.origin], [bundled, 'bundled']);
  assert.match(found.version, /^\d+\.\d+\.\d+$/);

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'on path '));
  fs.copyFileSync(bundled, path.join(folder, 'preflight.exe'));
  process.env.PATH = ['relative', 'C:\\missing', folder].join(';');
  found = await findBinary(uri);
  assert.deepEqual([found.path, found.origin], [path.join(folder, 'preflight.exe'), 'PATH']);

  setting = path.join(folder, 'PREFLIGHT.exe').replaceAll('\\', '/');
  found = await findBinary(uri);
  assert.equal(found.origin, 'setting');

  setting = path.join(folder, 'none.exe');
  await assert.rejects(findBinary(uri), /does not exist/);
  setting = binaryModule;
  await assert.rejects(findBinary(uri), /does not start/);
  fs.rmSync(folder, { recursive: true });
  console.log('the extension finds preflight.exe: bundled, on PATH, by its setting');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
