import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { TransferList, type Transfer, type TransferStart } from '../../../src/host/transferList.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { OciError } from '../../../src/oci/errors.ts';
import { handClock } from '../../support/handClock.ts';

const { transferItem } = await import('../../../src/views/transferItem.ts');

const mebibyte = 1024 * 1024;
const start: TransferStart = {
  kind: 'push',
  what: 'Local/web/site:1',
  label: 'site:1',
  where: 'Local/web/site:1',
  cancel: () => undefined,
};
const blob = (size: number) => ({ mediaType: 'text/plain', digest: digestOf(Buffer.from('x')), size });

/** One that was begun, after `body`, and whatever it ends with. */
function made(more: Partial<TransferStart>, body: (transfer: Transfer) => void, ...end: unknown[]) {
  const clock = handClock();
  const list = new TransferList(clock);
  const transfer = list.start({ ...start, ...more });
  body(transfer);
  clock.pass(2000);
  if (end.length > 0) {
    list.end(transfer, end[0]);
  }
  const { id, label, description, contextValue, iconPath, tooltip, accessibilityInformation } =
    transferItem(transfer);
  const { id: icon } = iconPath as { readonly id: string };
  const spoken = accessibilityInformation?.label;
  return { id, label, description, contextValue, icon, tooltip: (tooltip as string).split('\n'), spoken };
}

describe('a row of a transfer', () => {
  it('tells what runs, how fast, and how long it takes', () => {
    const row = made({}, ({ events }) => {
      events.onPlan(blob(80 * mebibyte));
      events.onBytes(20 * mebibyte);
    });
    assert.equal(row.label, 'site:1');
    assert.equal(row.description, 'Push · 20 MiB of 80 MiB · 10 MiB/s · 6 s left');
    assert.equal(row.contextValue, 'transfer;running');
    assert.equal(row.icon, 'sync~spin');
    assert.equal(
      row.spoken,
      'Local/web/site:1, Push, 20 MiB of 80 MiB, 10 MiB/s, 6 s left, To Local/web/site:1',
    );
    assert.deepEqual(row.tooltip, [
      'Local/web/site:1',
      'Push · under way',
      'To Local/web/site:1',
      'Moved: 20 MiB of 80 MiB',
      'Rate: 10 MiB/s',
      'Time left: 6 s',
      'Blobs: 1, there already: 0, mounted: 0',
    ]);
  });

  it('says that it is under way where nothing else is known yet', () => {
    assert.equal(made({}, () => undefined).description, 'Push · under way');
  });

  it('says what was there already, and what it took', () => {
    const again = { retry: () => Promise.resolve() };
    const row = made(
      { kind: 'copy', ...again },
      ({ events }) => {
        for (const how of ['present', 'present', 'mounted', 'copied', 'copied'] as const) {
          events.onPlan(blob(40 * mebibyte));
          events.onDone(blob(40 * mebibyte), how);
        }
        events.onBytes(80 * mebibyte);
      },
      undefined,
    );
    assert.equal(row.description, 'Copy · done · 80 MiB, 3 of 5 blobs were there');
    assert.equal(row.contextValue, 'transfer;done');
    assert.equal(row.icon, 'pass');
    assert.deepEqual(row.tooltip.slice(3), [
      'Moved: 80 MiB of 80 MiB',
      'Rate: 40 MiB/s',
      'Time taken: 2 s',
      'Blobs: 5, there already: 2, mounted: 1',
      'Not sent, as it was there: 120 MiB',
    ]);
  });

  it('says in a few words why it failed, and that it can be done again', () => {
    const again = { retry: () => Promise.resolve() };
    const full = new OciError('disk-full', 'no space left', { url: '/tmp' });
    const row = made({ kind: 'pull', ...again }, () => undefined, full);
    assert.equal(row.description, 'Pull · failed · Disk full');
    assert.equal(row.contextValue, 'transfer;failed;again');
    assert.equal(row.icon, 'error');
    assert.equal(made({}, () => undefined, full).contextValue, 'transfer;failed');
    const left = made(again, () => undefined, new DOMException('no', 'AbortError'));
    assert.equal(left.contextValue, 'transfer;cancelled;again');
    assert.equal(left.icon, 'circle-slash');
  });

  it('makes no picture, link or new line of a name', () => {
    const row = made({ label: 'a$(bug)\n[x](command:evil)', where: 'b\nc' }, () => undefined);
    assert.equal(row.label, 'a$ (bug) [x] (command:evil)');
    assert.equal(row.tooltip.length, 6);
  });
});
