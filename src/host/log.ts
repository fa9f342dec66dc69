import { window, type LogOutputChannel } from 'vscode';

let channel: LogOutputChannel | undefined;

/** The output channel *OCI Explorer*, made when the first line is written. Never a secret, never a query string. */
export function log(): LogOutputChannel {
  channel ??= window.createOutputChannel('OCI Explorer', { log: true });
  return channel;
}

export function disposeLog(): void {
  channel?.dispose();
  channel = undefined;
}

/** What an error and its causes say, for the log. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; current !== undefined && depth < 6; depth++) {
    if (!(current instanceof Error)) {
      lines.push(typeof current === 'string' ? current : JSON.stringify(current));
      break;
    }
    const code = 'code' in current && typeof current.code === 'string' ? ` [${current.code}]` : '';
    lines.push(`${current.name}${code}: ${current.message}${factsOf(current)}`);
    current = current.cause;
  }
  return lines.join('\n  caused by ');
}

function factsOf(error: Error): string {
  const facts = 'facts' in error && typeof error.facts === 'object' && error.facts ? error.facts : {};
  const shown = ['method', 'url', 'status', 'host', 'detail', 'retryAfter']
    .map((key) => [key, (facts as Readonly<Record<string, unknown>>)[key]] as const)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${String(value)}`);
  return shown.length > 0 ? ` (${shown.join(', ')})` : '';
}
