import { registerHooks } from 'node:module';

/** As much of `vscode` as modules need to be loaded outside of the editor; imported before them, and they dynamically. */
const source = `
const fill = (text, values) => text.replace(/\\{(\\d+)\\}/g, (_, index) => String(values[Number(index)]));
export const l10n = { t: (text, ...values) => fill(text, values) };
export const window = {}, commands = {}, env = {}, workspace = {};
export const InputBoxValidationSeverity = {}, QuickInputButtons = {}, ProgressLocation = {};
export class Disposable {}
`;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vscode'
      ? { url: `data:text/javascript,${encodeURIComponent(source)}`, shortCircuit: true }
      : next(specifier, context),
});
