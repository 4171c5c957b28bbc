// The requests that Preflight adds to LSP. The server's own documentation is the law; these are its shapes.
import { NotificationType, RequestType, RequestType0, type Range } from 'vscode-languageclient/node';

export interface Status {
  version: string;
  state: 'scanning' | 'ready';
  files: number;
  entryPoints: number;
  errors: number;
  warnings: number;
  notes: number;
  problems: number;
}

export interface Resource {
  type: string;
  apiVersion: string | null;
  /** Null when the name is not known before deployment. */
  name: string | null;
  nameKnown: boolean;
  scope: string;
  condition: 'true' | 'false' | 'unknown';
  existing: boolean;
  /** How many instances there are, each with an entry of its own; null for the one entry of a loop of unknown length. */
  copies: number | null;
  path: string;
  range: Range;
  /** The chain of module files that leads from the entry point to the resource. */
  via: string[];
}

export interface Inventory {
  version: number;
  entry: string;
  scope: string;
  resources: Resource[];
  unread: { reference: string; path: string; range: Range; reason: string }[];
  verdicts: { path: string; range: Range; verdict: string; message: string }[];
}

export const statusRequest = new RequestType0<Status, void>('preflight/status');
export const statusChanged = new NotificationType<Status>('preflight/statusChanged');
export const inventoryRequest = new RequestType<{ textDocument: { uri: string } }, Inventory | null, void>('preflight/inventory');
