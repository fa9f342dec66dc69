import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OciError } from '../../../../src/oci/errors.ts';
import { Crowd } from '../../../../src/oci/remote/crowd.ts';

/** Requests that are answered when they are told to. */
function asked(crowd: Crowd, count: number) {
  const waiting: ((status: number) => void)[] = [];
  const all = Promise.allSettled(
    Array.from({ length: count }, () =>
      crowd.run(async () => {
        const status = await new Promise<number>((resolve) => waiting.push(resolve));
        if (status === 0) {
          throw new OciError('unreachable', 'refused');
        }
        return { status };
      }),
    ),
  );
  return {
    waiting,
    all,
    answer: async (status: number, times = waiting.length) => {
      for (const end of waiting.splice(0, times)) {
        end(status);
      }
      await turn();
    },
  };
}

describe('a registry that is asked by many at once', () => {
  for (const [name, status] of [
    ['says that it is too often', 429],
    ['takes no connection', 0],
  ] as const) {
    it(`and ${name} is asked by half as many, and slowly by more`, async () => {
      const crowd = new Crowd();
      const first = asked(crowd, 40);
      await turn();
      assert.equal(first.waiting.length, 40);
      // All forty say the same, which counts once.
      await first.answer(status);
      await first.all;
      const second = asked(crowd, 100);
      await turn();
      assert.equal(second.waiting.length, 20);
      await second.answer(200);
      assert.equal(second.waiting.length, 20);
      await second.answer(200);
      assert.equal(second.waiting.length, 21);
      while (second.waiting.length > 0) {
        await second.answer(404);
      }
      await second.all;
    });
  }

  it('is asked by two at least', async () => {
    const crowd = new Crowd();
    for (let time = 0; time < 9; time++) {
      const one = asked(crowd, 3);
      await turn();
      while (one.waiting.length > 0) {
        await one.answer(429);
      }
      await one.all;
    }
    const last = asked(crowd, 5);
    await turn();
    assert.equal(last.waiting.length, 2);
  });
});
