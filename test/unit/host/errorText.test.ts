import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { Command } from '../../../src/contributions.ts';
import { OciError } from '../../../src/oci/errors.ts';

const { errorText } = await import('../../../src/host/errorText.ts');
const { errorTitles } = await import('../../../src/host/errorTitle.ts');

describe('README.md', () => {
  it('names failures as the tree does', () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const [, table = ''] = /^\| what you see .*\n\|.*\n((?:\|.*\n)+)/m.exec(readme) ?? [];
    const cells = [...table.matchAll(/^\| (_.*?)\s*\|/gm)].map(([, cell = '']) => cell);
    const seen = cells.flatMap((cell) => cell.match(/(?<=_)[^_,][^_]*(?=_)/g) ?? []);
    // A note is no failure.
    const known = ['Repositories are not listed', ...Object.values(errorTitles).map((title) => title({}))];
    assert.ok(seen.length > 10, table);
    for (const title of seen) {
      assert.ok(known.includes(title), `No row is called ${title}`);
    }
  });
});

describe('errorText', () => {
  it('names the host and offers what helps', () => {
    const { message, remedies } = errorText(
      new OciError('unauthorized', 'GET /v2/: 401', { host: 'localhost:5000', status: 401 }),
    );
    assert.match(message, /localhost:5000/);
    assert.deepEqual(
      remedies.map(({ command }) => command),
      [Command.signIn],
    );
  });

  it('offers no remedy that cannot work', () => {
    const commands = (error: OciError): readonly string[] =>
      errorText(error).remedies.map(({ command }) => command);
    assert.deepEqual(commands(new OciError('unauthorized', 'no host')), []);
    assert.deepEqual(
      commands(new OciError('tls-untrusted', 'x', { host: 'a.example' })).includes(Command.showLog),
      true,
    );
  });

  it('says what the registry said, without links, control characters or an end that never comes', () => {
    const detail = `DENIED: [click](command:evil)\u202e\u001b[31m ${'x'.repeat(5000)}`;
    const { message } = errorText(new OciError('denied', 'no', { host: 'a.example', detail }));
    assert.match(message, /DENIED/);
    assert.doesNotMatch(message, /\]\(|[\u0000-\u001f\u202e]/);
    assert.ok(message.length < 600, String(message.length));
  });

  it('shows what nobody expected with the log', () => {
    const { message, remedies } = errorText(new TypeError('x is not a function'));
    assert.match(message, /x is not a function/);
    assert.deepEqual(
      remedies.map(({ command }) => command),
      [Command.showLog],
    );
  });
});
