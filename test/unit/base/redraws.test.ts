import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRedraws } from '../../../src/base/redraws.ts';
import { handClock } from '../../support/handClock.ts';

describe('redraws', () => {
  it('are four a second at most, the first at once and the last not lost', () => {
    const clock = handClock();
    const drawn: number[] = [];
    const draw = (): number => drawn.push(clock.now());
    const { wanted } = createRedraws({ clock, interval: 250, isVisible: () => true, draw });
    for (let ms = 0; ms < 1000; ms += 10) {
      wanted();
      clock.pass(10);
    }
    clock.pass(5000);
    assert.deepEqual(drawn, [0, 250, 500, 750, 1000]);
  });

  it('are none while nobody sees them, and one when somebody does', () => {
    const clock = handClock();
    let isVisible = true;
    let drawn = 0;
    const draw = (): number => drawn++;
    const { wanted } = createRedraws({ clock, interval: 250, isVisible: () => isVisible, draw });
    wanted();
    wanted();
    isVisible = false;
    clock.pass(1000);
    wanted();
    clock.pass(1000);
    assert.equal(drawn, 1);
    isVisible = true;
    wanted();
    assert.equal(drawn, 2);
  });

  it('end with their view', () => {
    const clock = handClock();
    let drawn = 0;
    const draw = (): number => drawn++;
    const redraws = createRedraws({ clock, interval: 250, isVisible: () => true, draw });
    redraws.wanted();
    redraws.wanted();
    redraws.dispose();
    clock.pass(1000);
    assert.equal(drawn, 1);
  });
});
