import type { ExtensionContext } from 'vscode';
import type { OciExplorerApi } from './api.ts';
import { start } from './services.ts';

/** Registers what package.json contributes. Synchronous and without I/O: what takes time begins when it is asked for. */
export function activate(context: ExtensionContext): OciExplorerApi {
  const { api, disposable } = start(context);
  context.subscriptions.push(disposable);
  return api;
}
