import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import type { Back } from '../../../src/commands/ask.ts';
import type { Step } from '../../../src/commands/steps.ts';

const ask = await import('../../../src/commands/ask.ts');
const back: Back = ask.back;
const { runSteps } = await import('../../../src/commands/steps.ts');

type Answers = Readonly<Record<string, string>>;

/** A question that gives what `script` holds next. */
function question(name: string, script: (string | Back | undefined)[]): Step<Answers> {
  return (answers, { canGoBack }) => {
    const next = script.shift();
    assert.ok(next !== back || canGoBack || name === 'first');
    return Promise.resolve(typeof next === 'string' ? { ...answers, [name]: next } : next);
  };
}

describe('questions in a row', () => {
  it('give all their answers', async () => {
    const answers = await runSteps<Answers>({}, [question('first', ['a']), question('second', ['b'])]);
    assert.deepEqual(answers, { first: 'a', second: 'b' });
  });

  it('go back over what was not asked, and forget what is asked again', async () => {
    const answers = await runSteps<Answers>({}, [
      question('first', ['a', 'c']),
      question('skipped', [undefined, undefined]),
      question('last', [back, 'd']),
    ]);
    assert.deepEqual(answers, { first: 'c', last: 'd' });
  });

  it('begin behind what is given, and ask that of who goes back to it', async () => {
    const steps = (last: (string | Back)[]): Step<Answers>[] => [
      question('first', ['b']),
      question('last', last),
    ];
    assert.deepEqual(await runSteps<Answers>({}, steps(['c']), [{ first: 'a' }]), { first: 'a', last: 'c' });
    assert.deepEqual(await runSteps<Answers>({}, steps([back, 'c']), [{ first: 'a' }]), {
      first: 'b',
      last: 'c',
    });
  });

  it('end when someone goes back before the first', async () => {
    await assert.rejects(runSteps<Answers>({}, [question('first', [back])]), { name: 'AbortError' });
  });
});
