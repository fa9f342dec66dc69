import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the server saw it. */
export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly ifNoneMatch: string | undefined;
  /** Undefined while there is no answer. */
  status?: number;
}

export interface CountingProxy {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Since the last `forget`. */
  readonly exchanges: readonly Exchange[];
  /** Requests that are neither answered nor given up, now and at most since the last `forget`. */
  readonly open: number;
  readonly mostOpen: number;
  forget(): void;
  /** From now on requests whose path matches are not answered. */
  hold(path: RegExp): void;
  /** Answers what was held. */
  release(): void;
  stop(): Promise<void>;
}

/**
 * Stands before a registry and counts what it is asked.
 * @param target `host:port`
 * @param delay milliseconds that each request waits
 */
export async function startCountingProxy(target: string, delay = 0): Promise<CountingProxy> {
  let exchanges: Exchange[] = [];
  let open = 0;
  let mostOpen = 0;
  let held: RegExp | undefined;
  let waiting: (() => void)[] = [];
  const server = createServer((asked, answer) => {
    const ifNoneMatch = asked.headers['if-none-match'];
    const exchange: Exchange = { method: asked.method ?? '', path: asked.url ?? '', ifNoneMatch };
    exchanges.push(exchange);
    mostOpen = Math.max(mostOpen, ++open);
    answer.once('close', () => open--);
    const pass = (): void => {
      const sent = request(
        `http://${target}${exchange.path}`,
        { method: exchange.method, headers: asked.headers },
        (got) => {
          exchange.status = got.statusCode ?? 0;
          answer.writeHead(exchange.status, got.headers);
          got.pipe(answer);
        },
      );
      sent.on('error', () => answer.destroy());
      asked.pipe(sent);
    };
    if (held?.test(exchange.path)) {
      waiting.push(pass);
    } else if (delay > 0) {
      setTimeout(pass, delay);
    } else {
      pass();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get exchanges() {
      return exchanges;
    },
    get open() {
      return open;
    },
    get mostOpen() {
      return mostOpen;
    },
    forget: () => {
      exchanges = [];
      mostOpen = open;
    },
    hold: (path) => {
      held = path;
    },
    release: () => {
      held = undefined;
      for (const pass of waiting) {
        pass();
      }
      waiting = [];
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
