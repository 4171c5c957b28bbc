// The scene in VS Code: code-server in Chromium, driven as a person would, with the VSIX installed.
// Run by `run`. Each step appends "ok STEP" or "FAIL STEP: why" to SCENE/results; a failure leaves a
// picture beside it. Every wait is for a state.
//
// Usage: vscode.mjs CACHE SCENE VSIX [--screenshots FOLDER]
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [cache, scene, vsix, , pictures] = process.argv.slice(2);
const { chromium } = createRequire(path.join(cache, 'playwright', 'x.js'))('playwright-core');
const codeServer = path.join(cache, 'code-server', 'node_modules', 'code-server', 'out', 'node', 'entry.js');
const fixture = path.join(import.meta.dirname, 'workspace');
const DEADLINE = 60_000; // ms; only a failure lasts as long

const plan = fs.readFileSync(path.join(import.meta.dirname, 'plan.bicep'), 'utf8');
const original = fs.readFileSync(path.join(fixture, 'main.bicep'), 'utf8');

const cleanUp = [];
let page;
let failed = false;

async function step(name, body) {
  if (failed) return;
  try {
    await body();
    report(`ok ${name}`);
  } catch (error) {
    failed = true;
    report(`FAIL ${name}: ${String(error?.message ?? error).replaceAll('\n', ' ').slice(0, 600)}`);
    await page?.screenshot({ path: path.join(scene, 'failure.png') }).catch(() => {});
  }
}

function report(line) {
  fs.appendFileSync(path.join(scene, 'results'), `${line}\n`);
}

async function wait(what, condition, patience = DEADLINE) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts code-server on a copy of the fixture, and opens it in a fresh window. */
async function open(name, { onPath, folderSettings, trust = false, beside = [] }) {
  const home = path.join(scene, name);
  const folder = path.join(home, 'workspace');
  fs.cpSync(fixture, folder, { recursive: true });
  if (folderSettings) {
    fs.mkdirSync(path.join(folder, '.vscode'));
    fs.writeFileSync(path.join(folder, '.vscode', 'settings.json'), JSON.stringify(folderSettings));
  }
  const user = path.join(home, 'data', 'User');
  fs.mkdirSync(user, { recursive: true });
  fs.writeFileSync(
    path.join(user, 'settings.json'),
    JSON.stringify({
      'workbench.startupEditor': 'none',
      'workbench.colorTheme': 'Default Dark Modern',
      'workbench.tips.enabled': false,
      'workbench.secondarySideBar.defaultVisibility': 'hidden',
      'security.workspace.trust.enabled': trust,
      'security.workspace.trust.startupPrompt': 'never',
      'chat.disableAIFeatures': true,
      'files.autoSave': 'off',
      'editor.minimap.enabled': false,
      'telemetry.telemetryLevel': 'off',
    }),
  );
  const extensions = path.join(home, 'extensions');
  const common = ['--user-data-dir', path.join(home, 'data'), '--extensions-dir', extensions];
  // Nothing of this machine's PATH, so that no other preflight is found: only the scene's own, if wanted.
  // VS Code asks a login shell for the environment, so the PATH is set where such a shell reads it.
  const PATH = [...(onPath ? [path.join(scene, 'bin')] : []), '/usr/bin', '/bin'].join(':');
  for (const file of ['.profile', '.bashrc']) fs.writeFileSync(path.join(home, file), `export PATH='${PATH}'\n`);
  const env = { HOME: home, SHELL: '/bin/bash', LANG: 'C.UTF-8', PATH };
  const extensionFiles = [vsix, ...beside].flatMap((file) => ['--install-extension', file]);
  const installed = spawnSync(process.execPath, [codeServer, ...common, ...extensionFiles], { env, encoding: 'utf8' });
  if (installed.status !== 0) throw new Error(`the VSIX could not be installed: ${installed.stdout}${installed.stderr}`);

  const server = spawn(
    process.execPath,
    [codeServer, ...common, '--auth', 'none', '--bind-addr', '127.0.0.1:0', '--disable-telemetry', '--disable-update-check',
      '--disable-getting-started-override', ...(trust ? [] : ['--disable-workspace-trust'])],
    { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  cleanUp.push(() => process.kill(-server.pid, 'SIGKILL'));
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => (output += data));
  const address = await wait(`code-server to listen: ${output}`, () => /HTTP server listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1]);

  const browser = await chromium.launch({
    executablePath: process.env.PREFLIGHT_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  cleanUp.push(() => browser.close());
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 });
  page.setDefaultTimeout(DEADLINE);
  await page.goto(`${address}/?folder=${encodeURIComponent(folder)}`);
  await page.locator('.monaco-workbench').waitFor();
  return { folder, close: async () => { await browser.close(); process.kill(-server.pid, 'SIGKILL'); } };
}

/** Opens the quick input, types, and takes the row with this text; again where the editor took the focus back. */
function pick(key, typed, row) {
  const box = page.locator('.quick-input-widget').first();
  return wait(`“${row}” to pick`, async () => {
    try {
      await page.keyboard.press(key);
      await page.locator('.quick-input-widget:visible input').first().fill(typed, { timeout: 2000 });
      // Not a click: rows move while the list is filtered.
      await page.locator('.quick-input-list .monaco-list-row.focused').filter({ hasText: row }).waitFor({ timeout: 5000 });
      await page.keyboard.press('Enter');
      await box.waitFor({ state: 'hidden', timeout: 5000 });
      return true;
    } catch (error) {
      if (error.name !== 'TimeoutError') throw error;
      await page.keyboard.press('Escape');
      return false;
    }
  });
}

const runCommand = (title) => pick('F1', `>${title}`, title);

async function visit(file) {
  await pick('Control+p', file, file);
  await page.locator('.editor-group-container.active .tab.active').filter({ hasText: file }).waitFor();
  await page.locator('.editor-group-container.active .monaco-editor .view-line').first().waitFor();
}

const saveAll = () => runCommand('File: Save All Files');
const shown = async () => (await page.locator('.editor-group-container.active .view-lines').allTextContents()).join('\n');
const squiggles = () => page.locator('.editor-group-container.active .monaco-editor .squiggly-warning').count();
const statusText = async () => (await page.locator('[id="preflight-azure.preflight.preflight.status"]').textContent().catch(() => '')) ?? '';
const count = async (n) => (await statusText()).trim() === `Preflight: ${n}`;
/** The Problems panel's rows: what a screen reader says, then what is shown. */
const problems = () =>
  page.locator('.markers-panel .monaco-list-row').evaluateAll((rows) => rows.map((row) => `${row.getAttribute('aria-label')} ${row.textContent}`));
const inMain = async () => (await squiggles()) === 1;
const notInMain = async () => (await squiggles()) === 0;
const notification = (text) => page.locator('.notifications-toasts .notification-list-item, .notifications-center .notification-list-item').filter({ hasText: text });

async function toRegistry() {
  await visit('main.bicep');
  await page.keyboard.press('Control+g');
  const input = page.locator('.quick-input-widget:visible input').first();
  await input.fill(':6:40');
  await page.keyboard.press('Enter');
  await page.locator('.quick-input-widget').first().waitFor({ state: 'hidden' });
}

/** Opens the lightbulb's menu at the registry, and takes the action that begins with the title. */
async function take(title, picture) {
  await toRegistry();
  const entry = page.locator('.action-widget .monaco-list-row.action').filter({ hasText: title }).first();
  await wait(`the action “${title}”`, async () => {
    if (await entry.isVisible()) return true;
    await page.keyboard.press('Control+.');
    return entry.waitFor({ timeout: 2000 }).then(() => true, () => false);
  });
  if (picture) await shoot(picture);
  await entry.click();
}

async function shoot(name) {
  if (!pictures) return;
  await page.mouse.move(640, 560);
  await new Promise((resolve) => setTimeout(resolve, 700)); // A picture for people: let animations end.
  await page.screenshot({ path: path.join(pictures, `${name}.png`) });
}

try {
  let window;
  await step('extension installed, workspace open', async () => {
    window = await open('scene', { onPath: true });
    await visit('main.bicep');
  });
  const read = (file) => {
    const full = path.join(window.folder, file);
    return fs.existsSync(full) ? fs.readFileSync(full, 'utf8') : undefined;
  };

  await step('finding at the registry', async () => {
    await wait('the squiggle', inMain);
    await runCommand('Problems: Focus on Problems View');
    await wait('the finding in the Problems panel', async () => (await problems()).some((row) => /AZR-000002/.test(row)));
    const rows = await problems();
    const row = rows.find((label) => /AZR-000002/.test(label) && label.includes('[Ln 6, Col 28]'));
    if (!row || !row.includes('preflightAZR-000002') || !/^Warning/.test(row)) throw new Error(`the Problems panel says: ${rows.join(' | ')}`);
  });

  await step('finding in a file that is not open', async () => {
    await wait('azuredeploy.json in the Problems panel', async () => (await problems()).some((row) => /azuredeploy\.json/.test(row)));
  });

  await step('status item counts the workspace', () => wait('“Preflight: 2”', () => count(2)));

  await step('fix that creates a file', async () => {
    await toRegistry();
    await take('Turn on Defender for Containers (paid)', 'fix');
    await wait('the new file', () => read('defender-for-containers.bicep') !== undefined);
    await saveAll();
    await wait('the plan on disk', () => read('defender-for-containers.bicep')?.includes('Microsoft.Security/pricings'));
    await wait('the module on disk', () => read('main.bicep').includes("'defender-for-containers.bicep'"));
  });

  await step('finding gone', async () => {
    await visit('main.bicep');
    await wait('no squiggle', notInMain);
    await wait('“Preflight: 0”', () => count(0));
  });

  await step('undo', async () => {
    await visit('main.bicep');
    await page.locator('.editor-group-container.active .view-line').first().click();
    await page.keyboard.press('Control+z');
    await wait('main.bicep without its module', async () => !(await shown()).includes('defender-for-containers'));
    await saveAll();
    await wait('main.bicep as it was', () => read('main.bicep') === original);
    await wait('no plan in the new file', () => !read('defender-for-containers.bicep')?.includes('pricings'));
  });

  await step('finding back', async () => {
    await visit('main.bicep');
    await wait('the squiggle', inMain);
    await wait('“Preflight: 2”', () => count(2));
  });

  await step('an edit in another file clears it', async () => {
    await visit('platform.bicep');
    await page.locator('.editor-group-container.active .view-line').first().click();
    await page.keyboard.press('Control+End');
    await page.keyboard.insertText(plan);
    await visit('main.bicep');
    await wait('no squiggle in main.bicep', notInMain);
    await visit('platform.bicep');
    await page.locator('.editor-group-container.active .view-line').first().click();
    await wait('platform.bicep without the plan', async () => {
      if (!(await shown()).includes('pricings')) return true;
      await page.keyboard.press('Control+z');
      return false;
    });
    await visit('main.bicep');
    await wait('the squiggle again', inMain);
  });

  await step('suppress', async () => {
    await take('Suppress');
    await wait('no squiggle', notInMain);
    await saveAll();
    await wait('the pragma on disk', () => read('main.bicep').includes('#disable-next-line AZR-000002'));
    await wait('“Preflight: 1”', () => count(1));
    await page.locator('.editor-group-container.active .view-line').first().click();
    await page.keyboard.press('Control+z');
    await saveAll();
    await wait('main.bicep as it was', () => read('main.bicep') === original);
    await wait('the squiggle again', inMain);
  });

  await step('show what this file deploys', async () => {
    await visit('main.bicep');
    await runCommand('Preflight: Show What This File Deploys');
    const frame = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
    await frame.locator('h1').filter({ hasText: 'What main.bicep deploys' }).waitFor();
    await frame.locator('td').filter({ hasText: 'Microsoft.ContainerRegistry/registries' }).first().waitFor();
    await frame.locator('.badge.missing').waitFor();
    if (pictures) await runCommand('View: Toggle Primary Side Bar Visibility'); // More space for the page.
    await shoot('deployment');
    await frame.locator('td a').filter({ hasText: 'main.bicep:6' }).first().click();
    await wait('the registry in view', async () => /Ln 6,/.test((await page.locator('[id="status.editor.selection"]').textContent()) ?? ''));
    await runCommand('View: Close Editors in Other Groups');
  });

  await step('server killed and back', async () => {
    await visit('main.bicep');
    await wait('the squiggle', inMain);
    const pid = fs.readFileSync(path.join(scene, 'server.pid'), 'utf8');
    process.kill(Number(pid), 'SIGKILL');
    await wait('another server', () => fs.readFileSync(path.join(scene, 'server.pid'), 'utf8') !== pid);
    await wait('“Preflight: 2”', () => count(2));
    await wait('the squiggle', inMain);
    // The new server, not the old one's leftovers, must be behind it.
    await take('Suppress');
    await wait('no squiggle', notInMain);
    await page.keyboard.press('Control+z');
    await wait('the squiggle again', inMain);
  });

  await step('commands: scan workspace, restart server, show log', async () => {
    fs.writeFileSync(path.join(window.folder, 'more.bicep'), original);
    await runCommand('Preflight: Scan Workspace');
    await wait('“Preflight: 3”', () => count(3));
    fs.rmSync(path.join(window.folder, 'more.bicep'));
    const pid = fs.readFileSync(path.join(scene, 'server.pid'), 'utf8');
    await runCommand('Preflight: Restart Server');
    await wait('another server', () => fs.readFileSync(path.join(scene, 'server.pid'), 'utf8') !== pid);
    await wait('“Preflight: 2”', () => count(2));
    await runCommand('Preflight: Show Log');
    await wait('the log', async () => /\(PATH\), version/.test(((await page.locator('.panel .view-lines').allTextContents()) ?? []).join(' ').replaceAll('\u00a0', ' ')));
  });

  // Made elsewhere and moved in whole, then out: the editor hears of the folder, and not of what lies in it.
  await step('a folder comes and goes', async () => {
    const [elsewhere, inside] = [path.join(scene, 'infra'), path.join(window.folder, 'infra')];
    fs.mkdirSync(elsewhere);
    fs.writeFileSync(path.join(elsewhere, 'acr.bicep'), original);
    fs.renameSync(elsewhere, inside);
    await wait('“Preflight: 3”', () => count(3));
    fs.renameSync(inside, elsewhere);
    await wait('“Preflight: 2”', () => count(2));
  });

  await step('settings reach the server', async () => {
    const file = path.join(window.folder, '.vscode', 'settings.json');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify({ 'preflight.coverage': 'elsewhere' }));
    await wait('“Preflight: 0”', () => count(0));
    fs.writeFileSync(file, '{}');
    await wait('“Preflight: 2”', () => count(2));
  });

  await step('bad input: preflight.path that is wrong', async () => {
    const file = path.join(window.folder, '.vscode', 'settings.json');
    const all = page.locator('.notifications-toasts .notification-list-item');
    /** Waits for this message and no other: three are shown at a time, and more would hide the one that matters. */
    const notified = async (message) => {
      await notification(message).first().waitFor();
      const said = await all.allTextContents();
      if (said.length !== 1) throw new Error(`not only “${message}” is said, but: ${said.join(' | ')}`);
      await runCommand('Notifications: Clear All Notifications');
      await wait('no notification', async () => (await all.count()) === 0);
    };
    const restart = () => runCommand('Preflight: Restart Server');
    const set = (value) => fs.writeFileSync(file, JSON.stringify({ 'preflight.path': value }));
    set('/nowhere/preflight');
    await notified('The setting preflight.path names /nowhere/preflight, which does not exist');
    set(window.folder);
    await notified('names the folder');
    const program = path.join(window.folder, 'broken');
    fs.writeFileSync(program, 'no program');
    set(program);
    await notified('may not be executed');
    fs.chmodSync(program, 0o755);
    fs.writeFileSync(program, '#!/bin/sh\necho "wrong library" >&2\nexit 3\n');
    await restart();
    await notified('ended with code 3: wrong library');
    const version = '[ "$1" = --version ] && echo preflight 9.9.9 && exit';
    fs.writeFileSync(program, `#!/bin/sh\n${version}\nexit 1\n`);
    await restart();
    await notified('did not answer as a language server');
    // A program that never answers does not delay the start of another one.
    fs.writeFileSync(program, `#!/bin/sh\n${version}\ntouch ${window.folder}/waits\nexec sleep 1000\n`);
    await restart();
    await wait('the server that never answers', () => read('waits') !== undefined);
    fs.writeFileSync(file, '{}');
    await wait('the server of PATH again', () => count(2));
    await window.close();
  });

  await step('bad input: a folder without trust; the bundled server', async () => {
    window = await open('untrusted', { onPath: false, trust: true, folderSettings: { 'preflight.path': '/nowhere/preflight' } });
    await notification('which is ignored because you have not trusted the folder').first().waitFor();
    await visit('main.bicep');
    await wait('the finding all the same, from the bundled server', inMain);
    await window.close();
  });

  await step('beside another extension for Bicep', async () => {
    window = await open('beside', { onPath: true, beside: [path.join(scene, 'bicep-stand-in.vsix')] });
    await visit('main.bicep');
    await wait('the finding', inMain);
    const styleOf = (word) =>
      page.locator('.editor-group-container.active .view-line span span').filter({ hasText: word }).first().getAttribute('class');
    await wait('the colours of the other extension', async () => (await styleOf(/^param$/).catch(() => '')) !== (await styleOf(/location/)));
    if ((await page.locator('[id="status.editor.mode"]').textContent())?.trim() !== 'Bicep') throw new Error('the language is not Bicep');
    await take('Suppress');
    await wait('no squiggle', notInMain);
    await window.close();
  });
  if (!failed) report('end');
} finally {
  for (const end of cleanUp.reverse()) {
    try { await end(); } catch { /* Gone already. */ }
  }
}
process.exit(failed ? 1 : 0);
