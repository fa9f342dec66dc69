import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PacingProxy {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** What becomes of the bodies of uploads, of those under way too: `slow` is some 300 KiB a second, `refused` a 403. */
  uploads: 'fast' | 'slow' | 'refused';
  /** Paths with their queries of all uploads that were begun. */
  readonly sessions: readonly string[];
  stop(): Promise<void>;
}

/** Milliseconds between two pieces of at most 64 KiB. */
const pause = 200;

/** Stands before a registry, so that an upload is under way for as long as a test wishes. @param target `host:port` */
export async function startPacingProxy(target: string): Promise<PacingProxy> {
  let uploads: PacingProxy['uploads'] = 'fast';
  const sessions: string[] = [];
  const server = createServer((asked, answer) => {
    const { method = '', url = '', headers } = asked;
    const isUpload = url.includes('/blobs/uploads/') && method !== 'DELETE';
    if (isUpload && uploads === 'refused') {
      asked.resume();
      answer.writeHead(403, { 'content-type': 'application/json' });
      answer.end(JSON.stringify({ errors: [{ code: 'DENIED', message: 'the hold is full' }] }));
      return;
    }
    const sent = request(`http://${target}${url}`, { method, headers }, (got) => {
      if (isUpload && method === 'POST') {
        const { pathname, search } = new URL(got.headers.location ?? '', `http://${target}`);
        sessions.push(pathname + search);
      }
      answer.writeHead(got.statusCode ?? 0, got.headers);
      got.pipe(answer);
    });
    sent.on('error', () => answer.destroy());
    asked.on('error', () => sent.destroy());
    asked.on('data', (chunk: Buffer) => {
      const isTaken = sent.write(chunk);
      if (isUpload && uploads === 'slow') {
        asked.pause();
        setTimeout(() => asked.resume(), pause);
      } else if (!isTaken) {
        asked.pause();
        sent.once('drain', () => asked.resume());
      }
    });
    asked.on('end', () => sent.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions,
    get uploads() {
      return uploads;
    },
    set uploads(value) {
      uploads = value;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
