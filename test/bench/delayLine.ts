import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Bytes on their way before the sender has to wait: more than fit on a line of 20 ms at 1 GB/s. */
const onTheWay = 64 * 1024 * 1024;

export interface DelayLine {
  /** `127.0.0.1:port` */
  readonly host: string;
  stop(): Promise<void>;
}

/**
 * Delivers all data of a TCP connection so many milliseconds later, each way: latency is added, throughput is not lowered. The
 * first bytes wait for the way there and back of the handshake, too.
 * @param target `host:port`
 */
export async function startDelayLine(target: string, milliseconds: number): Promise<DelayLine> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    const connected = performance.now() + 2 * milliseconds;
    late(client, upstream, milliseconds, connected + milliseconds);
    late(upstream, client, milliseconds, 0);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
      socket.on('close', () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) {
          socket.destroy();
        }
      }),
  };
}

function late(from: Socket, to: Socket, milliseconds: number, notBefore: number): void {
  /** Without a chunk: the end. */
  const queue: { readonly due: number; readonly chunk?: Buffer }[] = [];
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;
  let isFull = false;
  const add = (chunk?: Buffer): void => {
    const due = Math.max(performance.now() + milliseconds, notBefore);
    queue.push(chunk ? { due, chunk } : { due });
    waiting += chunk?.byteLength ?? 0;
    if (waiting > onTheWay) {
      from.pause();
    }
    schedule();
  };
  const schedule = (): void => {
    const [next] = queue;
    if (next && !isFull) {
      timer ??= setTimeout(deliver, Math.max(0, next.due - performance.now()));
    }
  };
  const deliver = (): void => {
    timer = undefined;
    while (queue[0] && queue[0].due <= performance.now() + 0.5 && !isFull && !to.destroyed) {
      const chunk = queue.shift()?.chunk;
      if (!chunk) {
        to.end();
        return;
      }
      waiting -= chunk.byteLength;
      isFull = !to.write(chunk);
    }
    if (waiting <= onTheWay) {
      from.resume();
    }
    schedule();
  };
  from.on('data', add);
  from.on('end', () => add());
  to.on('drain', () => {
    isFull = false;
    schedule();
  });
}
