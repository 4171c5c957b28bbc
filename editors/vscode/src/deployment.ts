// "Show what this file deploys": the inventory of one file as a page that only shows. It holds no
// script; its links are the one command below, so a template's text can never do more than be read.
import { createHash } from 'node:crypto';
import path from 'node:path';
import * as vscode from 'vscode';
import type { LanguageClient, Range } from 'vscode-languageclient/node';
import { inventoryRequest, type Inventory, type Resource } from './protocol';

export const revealCommand = 'preflight.reveal';

interface Page {
  panel: vscode.WebviewPanel;
  shown: string;
}

export class DeploymentPages implements vscode.Disposable {
  private readonly pages = new Map<string, Page>();

  constructor(private readonly client: () => LanguageClient | undefined) {}

  async open(uri: vscode.Uri) {
    const key = uri.toString();
    const known = this.pages.get(key);
    if (known) {
      known.panel.reveal(undefined, true);
      return this.refresh(key);
    }
    const panel = vscode.window.createWebviewPanel(
      'preflight.deployment',
      `Deploys: ${path.basename(uri.path)}`,
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: false, enableCommandUris: [revealCommand], localResourceRoots: [] },
    );
    this.pages.set(key, { panel, shown: '' });
    panel.onDidDispose(() => this.pages.delete(key));
    return this.refresh(key);
  }

  /** Asked for when the server says that something changed: a page follows what is typed. */
  async refreshAll() {
    await Promise.all([...this.pages.keys()].map((key) => this.refresh(key)));
  }

  private async refresh(key: string) {
    const uri = vscode.Uri.parse(key);
    const client = this.client();
    let html: string;
    if (!client?.isRunning()) {
      html = page(uri, `<p class="muted">The server is not running.</p>`);
    } else {
      try {
        const inventory = await client.sendRequest(inventoryRequest, {
          textDocument: { uri: client.code2ProtocolConverter.asUri(uri) },
        });
        html = inventory ? render(uri, inventory) : page(uri, `<p class="muted">This file is no Bicep file and no template.</p>`);
      } catch (error) {
        html = page(uri, `<p class="muted">The server could not say: ${text(error instanceof Error ? error.message : String(error))}</p>`);
      }
    }
    const held = this.pages.get(key);
    if (!held) return;
    // Setting the same page again would only lose the reader's place.
    const digest = createHash('sha1').update(html).digest('hex');
    if (held.shown !== digest) {
      held.shown = digest;
      held.panel.webview.html = html;
    }
  }

  dispose() {
    for (const { panel } of this.pages.values()) panel.dispose();
  }
}

/** Shows a place in a source file; the pages' only link. */
export async function reveal(target: unknown, range: unknown) {
  if (typeof target !== 'string') return;
  const { start, end } = range as Range;
  const editor = await vscode.window.showTextDocument(vscode.Uri.parse(target), { viewColumn: vscode.ViewColumn.One });
  const selection = new vscode.Range(start.line, start.character, end.line, end.character);
  editor.selection = new vscode.Selection(selection.start, selection.end);
  editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

const isRegistry = (resource: Resource) => resource.type.toLowerCase() === 'microsoft.containerregistry/registries';
const isPlan = (resource: Resource) => resource.type.toLowerCase() === 'microsoft.security/pricings';

function render(uri: vscode.Uri, inventory: Inventory): string {
  const { resources, unread = [], verdicts = [] } = inventory;
  const plans = resources.filter(isPlan);
  const others = resources.filter((resource) => !isPlan(resource));
  const sections = [
    `<p>Scope: <b>${text(inventory.scope)}</b> · ${resources.length} resource${resources.length === 1 ? '' : 's'}</p>`,
    `<h2>What decides</h2>`,
    verdicts.length
      ? verdicts
          .map(
            (verdict) =>
              `<p class="verdict"><span class="badge ${text(verdict.verdict)}">${text(verdict.verdict)}</span> ${text(verdict.message)} ` +
              `${link(uri, verdict.path, verdict.range)}</p>`,
          )
          .join('')
      : `<p class="muted">${resources.some(isRegistry) ? 'The rule says nothing about the registries of this file.' : 'This file deploys no container registry.'}</p>`,
    `<h2>Defender plans</h2>`,
    plans.length ? table(uri, plans) : `<p class="muted">This file turns on no plan.</p>`,
    `<h2>Resources</h2>`,
    others.length ? table(uri, others) : `<p class="muted">None.</p>`,
  ];
  if (unread.length) {
    sections.push(
      `<h2>Not read</h2><table><thead><tr><th>Module</th><th>Why</th><th>Used at</th></tr></thead><tbody>`,
      ...unread.map(
        (module) =>
          `<tr><td><code>${text(module.reference)}</code></td><td>${text(module.reason)}</td><td>${link(uri, module.path, module.range)}</td></tr>`,
      ),
      `</tbody></table>`,
    );
  }
  return page(uri, sections.join('\n'));
}

function table(uri: vscode.Uri, resources: Resource[]): string {
  const rows = resources.map((resource) => {
    const flags = [
      resource.existing ? 'existing' : '',
      resource.condition === 'false' ? 'not deployed' : resource.condition === 'unknown' ? 'when a condition holds' : '',
      resource.copies === null ? 'in a loop of unknown length' : resource.copies > 1 ? `one of ${resource.copies}` : '',
    ].filter(Boolean);
    return (
      `<tr class="${resource.condition === 'false' || resource.existing ? 'off' : ''}">` +
      `<td><code>${text(resource.type).replace(/[/.]/g, '$&<wbr>')}</code>${resource.apiVersion ? ` <span class="muted date">${text(resource.apiVersion)}</span>` : ''}</td>` +
      `<td>${resource.name === null ? '<span class="muted">not known</span>' : text(resource.name)}${resource.name !== null && !resource.nameKnown ? ' <span class="muted">(in part)</span>' : ''}</td>` +
      `<td>${text(resource.scope)}</td>` +
      `<td>${flags.length ? text(flags.join(', ')) : 'always'}</td>` +
      `<td>${link(uri, resource.path, resource.range)}${resource.via.length ? `<br><span class="muted">through ${resource.via.map(text).join(' › ')}</span>` : ''}</td></tr>`
    );
  });
  return `<table><thead><tr><th>Type</th><th>Name</th><th>Scope</th><th>Deployed</th><th>Declared</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function link(uri: vscode.Uri, file: string, range: Range): string {
  const target = locate(uri, file);
  const href = `command:${revealCommand}?${encodeURIComponent(JSON.stringify([target.toString(), range]))}`;
  return `<a href="${text(href)}">${text(path.posix.basename(target.path))}:${range.start.line + 1}</a>`;
}

/** Paths come with `/`, relative to the workspace folder; a file outside every folder comes absolute. */
function locate(uri: vscode.Uri, file: string): vscode.Uri {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(file)) return vscode.Uri.parse(file);
  if (path.isAbsolute(file)) return vscode.Uri.file(file);
  const folder = vscode.workspace.getWorkspaceFolder(uri)?.uri ?? vscode.Uri.joinPath(uri, '..');
  return vscode.Uri.joinPath(folder, file);
}

function page(uri: vscode.Uri, body: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(path.basename(uri.path))}</title>
<style>
body { padding: 0 1em 2em; font-family: var(--vscode-font-family); color: var(--vscode-foreground); }
h1 { font-size: 1.3em; } h2 { font-size: 1.05em; margin-top: 1.6em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid var(--vscode-widget-border, #8884); }
th { color: var(--vscode-descriptionForeground); font-weight: normal; }
code { font-family: var(--vscode-editor-font-family); }
a { color: var(--vscode-textLink-foreground); }
.muted { color: var(--vscode-descriptionForeground); } .date { white-space: nowrap; } .off td { opacity: .6; }
.badge { display: inline-block; padding: 0 .6em; border-radius: .8em; font-size: .9em; background: var(--vscode-badge-background); color: var(--vscode-badge-foreground); }
.badge.missing { background: var(--vscode-editorWarning-foreground); color: var(--vscode-editor-background); }
.badge.off { background: var(--vscode-editorError-foreground); color: var(--vscode-editor-background); }
.badge.scanned { background: var(--vscode-testing-iconPassed, #2a9d5c); color: var(--vscode-editor-background); }
</style></head>
<body><h1>What ${text(path.basename(uri.path))} deploys</h1>
${body}
</body></html>`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
