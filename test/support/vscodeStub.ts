import { registerHooks } from 'node:module';

/** As much of `vscode` as modules need to be loaded outside of the editor; imported before them, and they dynamically. */
const source = `
const fill = (text, values) => text.replace(/\\{(\\d+)\\}/g, (_, index) => String(values[Number(index)]));
export const l10n = { t: (text, ...values) => fill(text, values) };
export const QuickPickItemKind = { Separator: -1, Default: 0 };
const never = () => ({ dispose: () => undefined });
export const window = { onDidChangeWindowState: never }, commands = {}, env = {}, workspace = {}, authentication = {}, tasks = {};
export const TaskScope = { Global: 1, Workspace: 2 };
export class CustomExecution { constructor(callback) { this.callback = callback; } }
export class Task { constructor(definition, scope, name, source, execution) { Object.assign(this, { definition, scope, name, source, execution }); } }
export const InputBoxValidationSeverity = {}, QuickInputButtons = {}, ProgressLocation = {};
export const Uri = {};
export class EventEmitter {
  #listeners = new Set();
  event = (listener) => {
    this.#listeners.add(listener);
    return { dispose: () => this.#listeners.delete(listener) };
  };
  fire(value) { for (const listener of this.#listeners) listener(value); }
  dispose() { this.#listeners.clear(); }
}
export const ConfigurationTarget = { Global: 1, Workspace: 2 };
export class Disposable {
  static from() { return new Disposable(); }
  dispose() {}
}
export const TreeItemCollapsibleState = { None: 0, Collapsed: 1, Expanded: 2 };
export class TreeItem { constructor(label, state) { this.label = label; this.collapsibleState = state; } }
export class ThemeColor { constructor(id) { this.id = id; } }
export class ThemeIcon { constructor(id, color) { this.id = id; this.color = color; } }
export class MarkdownString {
  value = '';
  appendMarkdown(text) { this.value += text; return this; }
  appendText(text) { this.value += text; return this; }
}
`;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vscode'
      ? { url: `data:text/javascript,${encodeURIComponent(source)}`, shortCircuit: true }
      : next(specifier, context),
});
