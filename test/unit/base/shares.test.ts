import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { Shares, type Share } from '../../../src/base/shares.ts';

const large = 1024 * 1024;
const small = 1024;

interface Work {
  readonly size: number;
  readonly signal: AbortSignal;
}

/** Tasks of one member that end when they are told to. */
function work(share: Share, count: number, { size = large, signal }: Partial<Work> = {}) {
  const ends: (() => void)[] = [];
  const member = {
    running: 0,
    end: async (times = 1) => {
      for (const end of ends.splice(0, times)) {
        end();
      }
      await turn();
    },
    all: Promise.allSettled(
      Array.from({ length: count }, () =>
        share.run(
          size,
          async () => {
            await Promise.resolve();
            member.running++;
            await new Promise<void>((resolve) => ends.push(resolve));
            member.running--;
          },
          signal,
        ),
      ),
    ),
  };
  return member;
}

describe('shares', () => {
  it('give one alone every place, and who comes later its part at once', async () => {
    const shares = new Shares({ large: 8, small: 8 });
    const first = work(shares.join(), 20);
    await turn();
    assert.equal(first.running, 8);
    const share = shares.join();
    const second = work(share, 20);
    await turn();
    assert.deepEqual([first.running, second.running], [8, 4]);
    // What ends of the first is not begun anew before it is down to its part.
    await first.end(3);
    assert.deepEqual([first.running, second.running], [5, 4]);
    await first.end(3);
    assert.deepEqual([first.running, second.running], [4, 4]);
    share.leave();
    await turn();
    assert.deepEqual([first.running, second.running], [8, 4]);
  });

  it('let what is small wait for nothing large, nor the other way', async () => {
    const shares = new Shares({ large: 2, small: 4 });
    const [first, second] = [shares.join(), shares.join()];
    const all = [first, second].map((share) => [work(share, 9), work(share, 9, { size: small })]);
    await turn();
    assert.deepEqual(
      all.map((each) => each.map(({ running }) => running)),
      [
        [1, 2],
        [1, 2],
      ],
    );
    await all[0]?.[1]?.end(2);
    assert.deepEqual(
      all.map((each) => each.map(({ running }) => running)),
      [
        [1, 2],
        [1, 2],
      ],
    );
    second.leave();
    await turn();
    assert.deepEqual(
      all[0]?.map(({ running }) => running),
      [2, 4],
    );
  });

  it('leave nobody without a place, and begin nothing that was aborted', async () => {
    const shares = new Shares({ large: 2, small: 2 });
    const controller = new AbortController();
    const members = [1, 2, 3].map(() => work(shares.join(), 2, controller));
    await turn();
    assert.deepEqual(
      members.map(({ running }) => running),
      [2, 1, 1],
    );
    controller.abort();
    const ended = [];
    for (const member of members) {
      await member.end(2);
      const results = await member.all;
      ended.push(results.filter(({ status }) => status === 'fulfilled').length);
    }
    assert.deepEqual(ended, [2, 1, 1]);
  });
});
