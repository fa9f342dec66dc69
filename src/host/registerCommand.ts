import { commands, window, type Disposable } from 'vscode';
import { Command, type CommandId } from '../contributions.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import { errorText, type Remedy } from './errorText.ts';
import { describeError, log } from './log.ts';

/**
 * The one way to register a command, and the one place where its errors end: an abort is silent, an OciError is a message
 * with the buttons of its remedies, and anything else goes to the log with *Show Log*. What `run` returns is handed on; a
 * failed command returns undefined.
 */
export function registerCommand(id: CommandId, run: (...args: readonly unknown[]) => unknown): Disposable {
  return commands.registerCommand(id, async (...args: readonly unknown[]) => {
    try {
      return await run(...args);
    } catch (error) {
      // Not awaited: a message may stay open for ever.
      void showError(error, id);
      return undefined;
    }
  });
}

/** Logs an error and shows it with its remedies. Silent about an abort. */
export async function showError(error: unknown, context: string): Promise<void> {
  if (isAbort(error)) {
    return;
  }
  log().error(`${context}: ${describeError(error)}`);
  const { message, remedies } = errorText(error);
  // Without a node there is nothing to ask again: the person runs the command again.
  const buttons = remedies.filter(({ command }) => command !== Command.refresh);
  const chosen = await window.showErrorMessage<Remedy & { readonly isCloseAffordance?: boolean }>(
    message,
    ...buttons,
  );
  if (chosen) {
    await commands.executeCommand(chosen.command, error instanceof OciError ? error.facts : undefined);
  }
}
