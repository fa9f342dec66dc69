import type { ExtensionContext } from 'vscode';
import { start } from './services.ts';

/** Registers what package.json contributes. Synchronous and without I/O: what takes time begins when it is asked for. */
export function activate(context: ExtensionContext): void {
  context.subscriptions.push(start(context));
}
