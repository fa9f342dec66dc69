import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { peer } from './peers.ts';
import { freePort } from './registries.ts';
import { endWithProcess, stopChild } from './run.ts';

export interface Middleman {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** All it was asked, as it logs it. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** A real forward proxy (tinyproxy), with Basic authentication where a user is given. */
export function startForwardProxy(user?: { name: string; password: string }): Promise<Middleman> {
  return start('tinyproxy', (folder, port) => ({
    args: ['-d', '-c', path.join(folder, 'config')],
    config: [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Timeout 60',
      'MaxClients 100',
      'LogLevel Connect',
      `LogFile "${path.join(folder, 'log')}"`,
      ...(user ? [`BasicAuth ${user.name} ${user.password}`] : []),
    ].join('\n'),
  }));
}

/** nginx with TLS before an upstream of plain HTTP, for those who show a certificate of `ca`. Paths of PEM files. */
export function startMutualTls(
  upstream: string,
  files: { readonly cert: string; readonly key: string; readonly ca: string },
): Promise<Middleman> {
  return start('nginx', (folder, port) => ({
    args: ['-e', path.join(folder, 'errors'), '-p', folder, '-c', path.join(folder, 'config')],
    config: `
      daemon off;
      pid ${folder}/pid;
      events {}
      http {
        access_log ${folder}/log;
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        client_max_body_size 0;
        server {
          listen 127.0.0.1:${port} ssl;
          ssl_certificate ${files.cert};
          ssl_certificate_key ${files.key};
          ssl_client_certificate ${files.ca};
          ssl_verify_client on;
          location / {
            proxy_pass http://${upstream};
            proxy_set_header Host $http_host;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_set_header X-Forwarded-Proto https;
          }
        }
      }`,
  }));
}

async function start(
  program: 'tinyproxy' | 'nginx',
  launch: (folder: string, port: number) => { readonly args: readonly string[]; readonly config: string },
): Promise<Middleman> {
  const folder = await mkdtemp(path.join(tmpdir(), `oci-${program}-`));
  const port = await freePort();
  const { args, config } = launch(folder, port);
  await writeFile(path.join(folder, 'config'), `${config}\n`);
  const child = spawn(await peer(program), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  endWithProcess(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-10_000)));
  const deadline = Date.now() + 30_000;
  while (!(await listens(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stopChild(child);
      throw new Error(`${program} did not start:\n${said}`);
    }
    await sleep(20);
  }
  return {
    host: `127.0.0.1:${port}`,
    log: () => readFile(path.join(folder, 'log'), 'utf8').catch(() => ''),
    stop: async () => {
      await stopChild(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
