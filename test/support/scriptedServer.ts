import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** One request as a server saw it. */
export interface Seen {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ScriptedServer {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly seen: readonly Seen[];
  /** How many were made to it. */
  readonly connections: number;
  stop(): Promise<void>;
}

export interface ScriptedOptions {
  readonly address?: string;
  /** PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export type Script = (request: Seen, response: ServerResponse) => void;

/** A server that answers as it is told to: for faults that no real registry has on demand. */
export async function scriptedServer(script: Script, options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const { address = '127.0.0.1', tls } = options;
  const seen: Seen[] = [];
  const listener: Parameters<typeof createServer>[1] & object = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString('latin1') };
      seen.push(one);
      script(one, response);
    });
  };
  const server = tls ? createTlsServer(tls, listener) : createServer(listener);
  let connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const host = `${address}:${(server.address() as AddressInfo).port}`;
  return {
    origin: `${tls ? 'https' : 'http'}://${host}`,
    host,
    seen,
    get connections() {
      return connections;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An answer of JSON. */
export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers } as Record<string, string>);
  response.end(JSON.stringify(value));
}
