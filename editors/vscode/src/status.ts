// The status item: what the whole workspace stands at, also for files that are not open.
import * as vscode from 'vscode';
import type { Binary } from './binary';
import type { Status } from './protocol';

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('preflight.status', vscode.StatusBarAlignment.Left, 0);

  constructor() {
    this.item.name = 'Preflight';
    this.starting();
    this.item.show();
  }

  starting() {
    this.set('$(loading~spin) Preflight', 'Preflight: the server is starting', undefined);
  }

  stopped(why: string) {
    this.set('$(error) Preflight', `Preflight: ${why}`, 'preflight.restart');
    this.item.backgroundColor = new vscode.ThemeColor('statusBarItem.errorBackground');
  }

  show(status: Status, binary: Binary | undefined) {
    const found = status.errors + status.warnings;
    const icon =
      status.state === 'scanning' ? '$(loading~spin)'
      : status.errors ? '$(error)'
      : status.warnings ? '$(warning)'
      : status.notes || status.problems ? '$(info)'
      : '$(check)';
    const tip = new vscode.MarkdownString(undefined, true);
    tip.isTrusted = { enabledCommands: ['preflight.scanWorkspace', 'preflight.showLog', 'preflight.restart', 'workbench.trust.manage'] };
    tip.appendMarkdown(
      `**Preflight ${status.version}**${status.state === 'scanning' ? ', scanning' : ''}\n\n` +
        `${count(status.errors, 'error')}, ${count(status.warnings, 'warning')}, ${count(status.notes, 'note')} ` +
        `in ${count(status.entryPoints, 'entry point')} of ${count(status.files, 'file')}\n\n` +
        (status.problems ? `$(alert) ${count(status.problems, 'problem')}: something could not be read\n\n` : '') +
        (vscode.workspace.isTrusted ? '' : `$(shield) [Restricted Mode](command:workbench.trust.manage): this folder's own \`preflight.path\` is ignored\n\n`) +
        `[Scan workspace](command:preflight.scanWorkspace) · [Show log](command:preflight.showLog) · [Restart](command:preflight.restart)`,
    );
    if (binary) {
      tip.appendMarkdown('\n\nServer: ');
      tip.appendText(`${binary.path} (${binary.origin})`);
    }
    this.set(`${icon} Preflight: ${found}`, tip, 'workbench.actions.view.problems');
    this.item.accessibilityInformation = {
      label: `Preflight: ${count(status.errors, 'error')}, ${count(status.warnings, 'warning')} in the workspace`,
    };
  }

  private set(text: string, tooltip: string | vscode.MarkdownString, command: string | undefined) {
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.command = command;
    this.item.backgroundColor = undefined;
  }

  dispose() {
    this.item.dispose();
  }
}

function count(n: number, one: string): string {
  return `${n} ${n === 1 ? one : `${one}s`}`;
}
