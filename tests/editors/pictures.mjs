// Makes the READMEs' pictures: VS Code's as they were taken, Helix's drawn from what its terminal held.
//
// Usage: pictures.mjs CACHE PICTURES EDITORS
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [cache, pictures, editors] = process.argv.slice(2);
const { chromium } = createRequire(path.join(cache, 'playwright', 'x.js'))('playwright-core');

for (const name of ['fix', 'deployment']) {
  const taken = path.join(pictures, `${name}.png`);
  if (fs.existsSync(taken)) fs.copyFileSync(taken, path.join(editors, 'vscode', 'images', `${name}.png`));
}

const screens = fs.readdirSync(pictures).filter((file) => file.endsWith('.ansi'));
if (screens.length) {
  const browser = await chromium.launch({ executablePath: process.env.PREFLIGHT_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  for (const file of screens) {
    const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
    await page.setContent(html(fs.readFileSync(path.join(pictures, file), 'utf8')));
    await page.locator('pre').screenshot({ path: path.join(editors, 'helix', file.replace('.ansi', '.png')) });
    await page.close();
  }
  await browser.close();
}

/** A terminal's screen as a page: the escapes that tmux writes for colours, bold, underline and reverse. */
function html(ansi) {
  let style = {};
  let out = '';
  for (const piece of ansi.replace(/\n+$/, '').split(/(\x1b\[[0-9;:]*m)/)) {
    const escape = /^\x1b\[([0-9;:]*)m$/.exec(piece);
    if (!escape) {
      if (piece) out += `<span style="${css(style)}">${piece.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)}</span>`;
      continue;
    }
    const codes = (escape[1] || '0').split(';');
    for (let i = 0; i < codes.length; i++) {
      const code = codes[i];
      if (code === '0') style = {};
      else if (code === '1') style.bold = true;
      else if (code === '3') style.italic = true;
      else if (code === '7') style.reverse = true;
      else if (code === '4' || code.startsWith('4:')) style.line = code === '4:0' ? undefined : code === '4:3' ? 'wavy' : 'solid';
      else if (code === '39') style.ink = undefined;
      else if (code === '49') style.paper = undefined;
      else if (code === '22') style.bold = false;
      else if (code === '24') style.line = undefined;
      else if (code === '27') style.reverse = false;
      else if (['38', '48', '58'].includes(code) && codes[i + 1] === '2') {
        style[{ 38: 'ink', 48: 'paper', 58: 'lineInk' }[code]] = `rgb(${codes.slice(i + 2, i + 5)})`;
        i += 4;
      }
    }
  }
  return `<!DOCTYPE html><meta charset="utf-8"><style>body{margin:0}pre{margin:0;padding:12px;display:inline-block;
    background:#3b224c;color:#a4a0e8;font:15px/1.3 'DejaVu Sans Mono',monospace}</style><pre>${out}</pre>`;
}

function css(style) {
  let ink = style.ink ?? '#a4a0e8';
  let paper = style.paper ?? '#3b224c';
  if (style.reverse) [ink, paper] = [paper, ink];
  return [
    `color:${ink}`,
    style.paper || style.reverse ? `background:${paper}` : '',
    style.bold ? 'font-weight:bold' : '',
    style.italic ? 'font-style:italic' : '',
    style.line ? `text-decoration:underline ${style.line} ${style.lineInk ?? ink}` : '',
  ].filter(Boolean).join(';');
}
