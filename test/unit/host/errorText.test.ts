import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { Command } from '../../../src/contributions.ts';
import { OciError } from '../../../src/oci/errors.ts';

const { errorText } = await import('../../../src/host/errorText.ts');

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
