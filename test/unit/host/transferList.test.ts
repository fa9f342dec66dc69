import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TransferList, type TransferStart } from '../../../src/host/transferList.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';
import { handClock } from '../../support/handClock.ts';

const start: TransferStart = { kind: 'copy', what: 'a:1', where: 'b', cancel: () => undefined };
const blob = (size: number) => ({ mediaType: 'text/plain', digest: digestOf(Buffer.from('x')), size });
const manifest = { ...blob(100), mediaType: MediaType.manifest };
const names = (list: TransferList): readonly string[] => list.all().map(({ what }) => what);

describe('a transfer', () => {
  it('tells its rate of the last seconds, and the time that is left by it', () => {
    const clock = handClock();
    const transfer = new TransferList(clock).start(start);
    transfer.events.onPlan(blob(10_000));
    assert.equal(transfer.left(), undefined);
    for (let second = 1; second <= 10; second++) {
      clock.pass(1000);
      transfer.events.onBytes(second <= 5 ? 1000 : 100);
    }
    assert.equal(transfer.bytes, 5500);
    assert.equal(transfer.rate(), 100);
    assert.equal(transfer.left(), 45);
    // Nothing has moved since.
    clock.pass(60_000);
    assert.equal(transfer.rate(), 0);
    assert.equal(transfer.left(), undefined);
  });

  it('counts what a retry takes back, and what is there already not as work', () => {
    const clock = handClock();
    const transfer = new TransferList(clock).start(start);
    for (const size of [1000, 2000, 4000]) {
      transfer.events.onPlan(blob(size));
    }
    transfer.events.onPlan(manifest);
    transfer.events.onDone(blob(1000), 'present');
    transfer.events.onDone(blob(2000), 'mounted');
    transfer.events.onDone(manifest, 'present');
    clock.pass(1000);
    transfer.events.onBytes(3000);
    transfer.events.onBytes(-3000);
    assert.equal(transfer.rate(), 0);
    transfer.events.onBytes(4000);
    transfer.events.onDone(blob(4000), 'copied');
    const { bytes, total, blobs, present, mounted, saved } = transfer;
    assert.deepEqual(
      { bytes, total, blobs, present, mounted, saved },
      { bytes: 4000, total: 4000, blobs: 3, present: 1, mounted: 1, saved: 3100 },
    );
  });

  it('keeps its numbers once it ended', () => {
    const clock = handClock();
    const list = new TransferList(clock);
    const transfer = list.start(start);
    transfer.events.onPlan(blob(4000));
    clock.pass(2000);
    transfer.events.onBytes(4000);
    list.end(transfer);
    clock.pass(50_000);
    assert.equal(transfer.rate(), 2000);
    assert.equal(transfer.seconds(), 2);
    assert.equal(transfer.left(), undefined);
  });
});

describe('the list of transfers', () => {
  it('tells done, failed and cancelled apart', () => {
    const list = new TransferList(handClock());
    const states = [undefined, new OciError('disk-full', 'no'), new DOMException('no', 'AbortError')].map(
      (error, index) => {
        const transfer = list.start({ ...start, what: String(index) });
        assert.equal(transfer.state, 'running');
        list.end(transfer, error);
        return transfer.state;
      },
    );
    assert.deepEqual(states, ['done', 'failed', 'cancelled']);
  });

  it('has the latest first, keeps what runs, and of what ended the last fifty', () => {
    const list = new TransferList(handClock());
    list.start({ ...start, what: 'runs' });
    for (let count = 1; count <= 60; count++) {
      list.end(list.start({ ...start, what: String(count) }));
    }
    assert.equal(list.all().length, 51);
    assert.deepEqual([names(list)[0], names(list)[49], names(list)[50]], ['60', '11', 'runs']);
    assert.equal(new Set(list.all().map(({ id }) => id)).size, 51);
    list.clearFinished();
    assert.deepEqual(names(list), ['runs']);
  });

  it('puts what is tried again in the place of what failed, and of nothing else', () => {
    const list = new TransferList(handClock());
    list.end(list.start(start));
    list.end(list.start({ ...start, where: 'elsewhere' }), new Error('no'));
    list.end(list.start(start), new Error('no'));
    const again = list.start(start);
    assert.deepEqual(
      list.all().map(({ state, where }) => [state, where]),
      [
        ['running', 'b'],
        ['failed', 'elsewhere'],
        ['done', 'b'],
      ],
    );
    assert.equal(list.all()[0], again);
  });

  it('tells of every change until nobody listens any more', () => {
    const list = new TransferList(handClock());
    let count = 0;
    const end = list.onDidChange(() => count++);
    const transfer = list.start(start);
    transfer.events.onPlan(blob(1));
    transfer.events.onBytes(1);
    list.end(transfer);
    list.clearFinished();
    assert.equal(count, 5);
    end();
    list.start(start);
    assert.equal(count, 5);
  });
});
