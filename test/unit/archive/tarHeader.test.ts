import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { tarHeader } from '../../../src/archive/tarHeader.ts';

/** The most that eleven octal digits hold, one more, 10 GiB and 1 TiB. */
const sizes = [8 ** 11 - 1, 8 ** 11, 10 * 2 ** 30, 2 ** 40];

/** SHA-256 of what Go's archive/tar 1.26 writes for each size: too large to be packed in a test. */
const written: Readonly<Record<string, readonly string[]>> = {
  'dir/file': [
    'cd072144083c4db0de15127e0b9feea931384fd267a39a53744179b2e893fc47',
    '1410146f1ec60ec1a3b081f795151b6ec646581a5cdec45ebfd500728fbdc927',
    '76bcbafc59e7f6b01e734fa8027c3ba078fc810ac4a321d8ea10705877ed787c',
    '65f798f8060230f7c12d578ca03ca194fada7f0753c38315844b85dd1dc224c4',
  ],
  'dir/ünï': [
    '3f43fe89bd9700cd8e4a09455dbfc11c88a5c83ce47362bbe6a4d63da8386da8',
    'a34d70b1b465eb4fd63767a2cbe9bb4ec8a8c8d985c626d5370eb50369ce7432',
    '277d4a82d4bf025d76866b6e9e19d83ff70f787a055acfc1b7797c31db8d5a04',
    '63ec36f36b7cc8da8ddbb50eafe9d12fd5184ca20921f65b3e0a9a464468c9a6',
  ],
  [`${'a'.repeat(120)}/${'b'.repeat(90)}`]: [
    'd4fa162fb23aeca59070b5b1b385fcd7a90a72b4fecacfec1a32a48783dc2fa5',
    '363b98d236582d31feb4ad5c2a6384c88ff187bfebaaa814ccca0799050f899e',
    '09017986d840121f662b30f1697082d44ddd43d447497046eb855668a411acf4',
    '2c997203862be75f887aadc2a258154b0bdde3fdc2cee1280d8e9cbe2b0cc5fa',
  ],
  ['é'.repeat(120)]: [
    '7ca35d8cc2045c84366ef705547f2186ce28535d4c856395d89c2596eed9010e',
    '8cc3153964158f3f40c9739081c7106649b71b9b720154a23487f281a1102a6e',
    'dbf1598fc4ba272ef190e9a15dc0eb8e6788d50f736eeee52b83b82aed087291',
    '2b16f2737cb7e923480d8516143621e02e2a9bf3ea227f06ede1d6e1b0a1d381',
  ],
};

describe('the header of a tar entry', () => {
  for (const [name, digests] of Object.entries(written)) {
    it(`is as Go writes it for files of 8 GiB and more: ${name.slice(0, 10)}`, () => {
      const ours = sizes.map((size) =>
        createHash('sha256')
          .update(tarHeader({ name, kind: 'file', size, mode: 0o644, time: 1_700_000_000 }))
          .digest('hex'),
      );
      assert.deepEqual(ours, digests);
    });
  }
});
