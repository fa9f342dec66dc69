import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Credential } from '../../src/oci/remote/credential.ts';
import type { ScriptedServer } from './scriptedServer.ts';

const username = 'canary-user';
const password = 'C4nary/p4ss+wörd "quoted"';

/** A secret that is searched for wherever it must not be. */
export const canary = { kind: 'password', username, password, source: 'test' } as const satisfies Credential;

export const canaryBasic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

const forms = [
  password,
  Buffer.from(password).toString('base64'),
  canaryBasic.slice('Basic '.length),
  encodeURIComponent(password),
  new URLSearchParams({ p: password }).toString().slice(2),
  JSON.stringify(password).slice(1, -1),
  'C4nary',
  Buffer.from('C4nary/p4ss').toString('base64').slice(0, 12),
];

/** Fails when the secret, or one of `more`, stands in what was said, in whatever form. */
export function assertNoCanary(where: string, said: unknown, more: readonly string[] = []): void {
  const text = typeof said === 'string' ? said : inspect(said, { depth: 12, maxStringLength: Infinity });
  for (const form of [...forms, ...more]) {
    assert.ok(!text.includes(form), `${where} holds a secret: ${text}`);
  }
}

/** Fails when a server was told the secret, or anything as an `Authorization`. */
export function assertNothingTold(server: ScriptedServer): void {
  for (const request of server.seen) {
    assert.equal(request.headers.authorization, undefined, `${server.host} was told who we are`);
    assertNoCanary(server.host, JSON.stringify(request));
  }
}
