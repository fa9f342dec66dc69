import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CuttingProxy {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Connections that were cut. */
  readonly cuts: number;
  stop(): Promise<void>;
}

/**
 * Stands before a registry, and cuts both connections of a long upload once so many bytes of its body went through.
 * @param target `host:port` @param after of each cut; a body that is not as long is left alone
 */
export async function startCuttingProxy(target: string, after: readonly number[]): Promise<CuttingProxy> {
  let cuts = 0;
  const server = createServer((asked, answer) => {
    const { method = '', url = '', headers } = asked;
    const sent = request(`http://${target}${url}`, { method, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 0, got.headers);
      got.pipe(answer);
    });
    sent.on('error', () => answer.destroy());
    asked.on('error', () => sent.destroy());
    let left = method === 'PATCH' ? (after[cuts] ?? Infinity) : Infinity;
    asked.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, left);
      left -= part.byteLength;
      if (left > 0) {
        if (!sent.write(part)) {
          asked.pause();
          sent.once('drain', () => asked.resume());
        }
      } else if (!sent.destroyed) {
        cuts++;
        // What went through is there before the connection ends.
        sent.write(part, () => {
          sent.destroy();
          asked.destroy();
        });
      }
    });
    asked.on('end', () => sent.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
