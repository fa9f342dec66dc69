import type { Socket } from 'node:net';
import type { Proxy } from './proxy.ts';

/** Longest answer of a proxy that is read, in bytes. */
const maxHead = 16 * 1024;

/**
 * Asks the proxy at the other end of `socket` for a way to `authority` (`host:port`), after which the socket ends there.
 * Rejects, with the socket destroyed, where the proxy refuses, says nothing in `timeout` milliseconds or speaks no HTTP, and on
 * an abort.
 */
export function openTunnel(
  socket: Socket,
  authority: string,
  proxy: Pick<Proxy, 'origin' | 'authorization'>,
  timeout: number,
  signal?: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const settle = (error: Error | undefined): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.off('data', read).off('error', settle).off('close', closed);
      if (error) {
        socket.on('error', () => undefined).destroy();
        reject(error);
      } else {
        socket.pause();
        resolve(socket);
      }
    };
    const abort = (): void => settle(signal?.reason as Error);
    const closed = (): void => settle(problem(proxy, 'hangs up', 'ECONNRESET'));
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (head.length > maxHead) {
          settle(problem(proxy, 'speaks no HTTP', 'EPROXY'));
        }
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1', 0, 20))?.[1];
      if (status?.startsWith('2') !== true) {
        settle(problem(proxy, refusals[status ?? ''] ?? `refuses, with ${status ?? 'no HTTP'}`, 'EPROXY'));
      } else if (head.length > end + 4) {
        // The other end of a tunnel has nothing to say before it is spoken to.
        settle(problem(proxy, 'says more than it was asked', 'EPROXY'));
      } else {
        settle(undefined);
      }
    };
    const timer = setTimeout(
      () => settle(problem(proxy, 'does not answer', 'UND_ERR_CONNECT_TIMEOUT')),
      timeout,
    );
    if (signal?.aborted === true) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort, { once: true });
    socket.on('data', read).on('error', settle).on('close', closed);
    socket.write(
      [
        `CONNECT ${authority} HTTP/1.1`,
        `Host: ${authority}`,
        ...(proxy.authorization === undefined ? [] : [`Proxy-Authorization: ${proxy.authorization}`]),
        '\r\n',
      ].join('\r\n'),
    );
  });
}

const refusals: Readonly<Record<string, string>> = {
  '407': 'wants a user name and a password (407): name them in its URL, http://user:password@proxy:port',
  '403': 'forbids this host (403)',
};

function problem({ origin }: Pick<Proxy, 'origin'>, what: string, code: string): Error {
  return Object.assign(new Error(`The proxy ${origin} ${what}`), { code });
}
