import assert from 'node:assert/strict';
import fsPromises, {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { bodyOf } from '../../src/base/bytes.ts';
import { copy } from '../../src/oci/copy.ts';
import { isOciError, type ErrorCode } from '../../src/oci/errors.ts';
import { LayoutStore } from '../../src/oci/layout/layoutStore.ts';
import { MediaType } from '../../src/oci/mediaTypes.ts';
import { MemoryStore } from '../../src/oci/memory.ts';
import { createManifestFiles } from '../../src/host/manifestFiles.ts';
import { buildArtifact } from '../../src/packaging/artifact.ts';
import { planPush } from '../../src/packaging/plan.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';
import { content, manifestOf } from './content.ts';
import { eventually } from '../support/browsing.ts';
import { onFailingDisk } from '../support/failingDisk.ts';
import { folderLayerOf, layerOf, manifestOf as pulledManifest, pulledFrom } from '../support/pullSite.ts';
import { snapshot } from '../support/snapshot.ts';

/** Something that writes below a folder, in `place`. */
interface Job {
  readonly prepare: (folder: string) => Promise<void>;
  readonly run: (folder: string) => Promise<void>;
  /** What a run that failed may leave: content nothing names yet, which the next run uses. */
  readonly mayLeave?: RegExp;
}

const place = 'place';
const newBlobs = /^\.\/place(?:\/blobs(?:\/sha256(?:\/[0-9a-f]{64})?)?)?$|^\.\/place\/oci-layout$/;

function pull(files: readonly string[]): Job {
  return {
    prepare: async (folder) => {
      for (const file of files) {
        await mkdir(join(folder, file, '..'), { recursive: true });
        await writeFile(join(folder, file), 'mine');
      }
    },
    run: async (folder) => {
      const manifest = pulledManifest(
        await layerOf('a.txt', 'new'),
        await layerOf('deep/b.txt', 'new'),
        await layerOf('deep/same.txt', 'new'),
        await folderLayerOf('d', [
          { name: 'd', flag: '5', mode: 0o750, time: 1_600_000_000 },
          { name: 'd/x', content: Buffer.alloc(70_000, 'x'), time: 1_600_000_000 },
          { name: 'd/y', content: 'new' },
          { name: 'd/again', flag: '1', target: 'd/x' },
          { name: 'd/in/z', content: '' },
          { name: 'd/link', flag: '2', target: 'in/z' },
        ]),
      );
      const staged = await stagePull(pulledFrom, planPull(manifest), join(folder, place));
      try {
        await staged.commit();
      } finally {
        await staged.dispose();
      }
    },
  };
}

/** Two manifests of one blob, the second about the first. */
const config = content(MediaType.empty, '{}');
const shared = content(MediaType.octetStream, 'shared');
const first = manifestOf(config, [shared]);
const second = manifestOf(config, [shared, content(MediaType.octetStream, 'second')], {
  artifactType: 'application/vnd.example.note',
  subject: first.descriptor,
});

async function source(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const each of [config, shared, content(MediaType.octetStream, 'second'), first]) {
    await store.push(each.descriptor, bodyOf(each.bytes));
  }
  await store.push(first.descriptor, bodyOf(first.bytes), { tag: '1' });
  await store.push(second.descriptor, bodyOf(second.bytes), { tag: '2' });
  return store;
}

async function layoutWith(folder: string, ...tags: readonly string[]): Promise<void> {
  for (const tag of tags) {
    await copy(await source(), tag, new LayoutStore(join(folder, place)), tag);
  }
}

const layout = (folder: string): LayoutStore => new LayoutStore(join(folder, place));

const jobs: Readonly<Record<string, Job>> = {
  'a pull into a folder with files': pull(['place/a.txt', 'place/d/x', 'place/d/mine', 'place/mine']),
  'a pull into a folder that is not there': pull([]),
  'a push, which packs the folder first': {
    prepare: async (folder) => {
      await mkdir(join(folder, place));
      await mkdir(join(folder, 'site/in'), { recursive: true });
      await writeFile(join(folder, 'site/in/a'), Buffer.alloc(300_000, 'a'));
      await symlink('in/a', join(folder, 'site/link'));
    },
    run: async (folder) => {
      const plan = await planPush([{ path: join(folder, 'site'), title: 'site' }], { largeFile: Infinity });
      const built = await buildArtifact(plan, {
        artifactType: 'application/vnd.example.site',
        annotations: {},
        keepFileTimes: false,
        temporary: join(folder, place),
      });
      await built.dispose();
    },
  },
  'a first push to a layout': {
    prepare: (folder) => mkdir(join(folder, place)).then(() => undefined),
    run: (folder) => layoutWith(folder, '1'),
    mayLeave: newBlobs,
  },
  'a push of a referrer to a layout': {
    prepare: (folder) => layoutWith(folder, '1'),
    run: (folder) => layoutWith(folder, '2'),
    mayLeave: newBlobs,
  },
  'a tag of a layout that moves': {
    prepare: (folder) => layoutWith(folder, '1', '2'),
    run: (folder) => layout(folder).tag(first.descriptor, '2'),
  },
  'a tag of a layout that goes': {
    prepare: (folder) => layoutWith(folder, '1', '2'),
    run: (folder) => layout(folder).untag('2'),
  },
  'a manifest of a layout that goes': {
    prepare: (folder) => layoutWith(folder, '1', '2'),
    run: (folder) => layout(folder).delete(second.descriptor),
    mayLeave: newBlobs,
  },
};

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'oci-disk-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Nothing that was there is gone or another, and nothing is new but what may be. */
async function assertUntouched(
  folder: string,
  was: Readonly<Record<string, string>>,
  mayLeave: RegExp | undefined,
): Promise<void> {
  const now = await snapshot(folder, { times: false });
  const left = Object.keys(now).filter((name) => !(name in was) && mayLeave?.test(name) !== true);
  assert.deepEqual(left, []);
  assert.deepEqual(Object.fromEntries(Object.keys(was).map((name) => [name, now[name]])), was);
}

async function assertFailsWhole(folder: string, job: Job, code: ErrorCode): Promise<void> {
  const was = await snapshot(folder, { times: false });
  await assert.rejects(job.run(folder), (error) => isOciError(error, code));
  await assertUntouched(folder, was, job.mayLeave);
}

describe('a disk that is full', () => {
  for (const [name, job] of Object.entries(jobs)) {
    for (const isLasting of [false, true]) {
      it(`${isLasting ? 'from' : 'at'} any moment changes nothing: ${name}`, async () => {
        let isReached = true;
        const whole = await wholeOf(job);
        for (let at = 1; isReached; at++) {
          await withFolder(async (folder) => {
            await job.prepare(folder);
            const was = await snapshot(folder, { times: false });
            const { calls, leftOpen, outcome } = await onFailingDisk({ at, code: 'ENOSPC', isLasting }, () =>
              job.run(folder),
            );
            isReached = calls >= at;
            assert.equal(leftOpen, 0, `call ${at} leaves files open`);
            assert.ok(at > 1 || outcome.status === 'rejected', 'it writes');
            if (outcome.status === 'rejected') {
              const { reason } = outcome as { readonly reason: unknown };
              assert.ok(isOciError(reason, 'disk-full'), `call ${at}: ${inspect(reason)}`);
              await assertUntouched(folder, was, job.mayLeave);
              // Where somebody makes room, all goes on.
              await job.run(folder);
            }
            assert.deepEqual(await snapshot(folder, { times: false }), whole, `call ${at}`);
          });
        }
      });
    }
  }

  it('lets a cache say nothing wrong, and leaves no parts in it', async () => {
    let isReached = true;
    for (let at = 1; isReached; at++) {
      await withFolder(async (folder) => {
        const files = createManifestFiles(join(folder, place));
        const { calls, outcome } = await onFailingDisk({ at, code: 'ENOSPC', isLasting: false }, () => {
          files.write(first);
          // One after the other: when the second is there, the first is done.
          return eventually(async () => {
            files.write(second);
            return (await files.read(second.descriptor.digest)) !== undefined;
          });
        });
        isReached = calls >= at;
        assert.equal(outcome.status, 'fulfilled');
        const names = await readdir(join(folder, place));
        assert.ok(
          names.every((name) => name.startsWith('sha256-')),
          `call ${at}: ${names.join()}`,
        );
        for (const { descriptor, bytes } of [first, second]) {
          const found = await files.read(descriptor.digest);
          assert.ok(found === undefined || Buffer.compare(found.bytes, bytes) === 0);
        }
      });
    }
  });
});

/** What a run leaves that nothing disturbs. */
async function wholeOf(job: Job): Promise<Readonly<Record<string, string>>> {
  let whole: Readonly<Record<string, string>> = {};
  await withFolder(async (folder) => {
    await job.prepare(folder);
    await job.run(folder);
    whole = await snapshot(folder, { times: false });
  });
  return whole;
}

/** As someone who is not the owner of everything. */
async function asAnyone(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    process.seteuid?.(65_534);
  }
  try {
    await work();
  } finally {
    if (isRoot) {
      process.seteuid?.(0);
    }
  }
}

describe('a folder that cannot be written', () => {
  for (const [name, job] of Object.entries(jobs)) {
    it(`stays as it is: ${name}`, async () => {
      await withFolder(async (folder) => {
        await job.prepare(folder);
        const places = await readdir(folder, { recursive: true, withFileTypes: true });
        const closed = [
          folder,
          ...places.filter((each) => each.isDirectory()).map((each) => join(each.parentPath, each.name)),
        ];
        for (const path of closed) {
          await chmod(path, 0o555);
        }
        await asAnyone(() => assertFailsWhole(folder, job, 'read-only'));
        for (const path of closed) {
          await chmod(path, 0o755);
        }
      });
    });
  }
});

describe('a folder that is a file system of its own', () => {
  it('is where a pull into it is staged, as no rename leads there from outside', async (context) => {
    const job = pull(['place/a.txt', 'place/d/x', 'place/mine']);
    const whole = await wholeOf(job);
    await withFolder(async (folder) => {
      await job.prepare(folder);
      const point = join(await realpath(folder), place);
      const { readFile, rename } = fsPromises;
      context.mock.method(fsPromises, 'readFile', (path: string, encoding: 'utf8') =>
        path === '/proc/self/mountinfo'
          ? Promise.resolve(`36 35 8:1 / ${point} rw,relatime - ext4 /dev/sda1 rw\n`)
          : readFile(path, encoding),
      );
      context.mock.method(fsPromises, 'rename', (from: string, to: string) =>
        from.startsWith(`${point}/`) === to.startsWith(`${point}/`)
          ? rename(from, to)
          : Promise.reject(Object.assign(new Error('EXDEV: cross-device link'), { code: 'EXDEV' })),
      );
      syncBuiltinESMExports();
      try {
        await job.run(folder);
      } finally {
        context.mock.restoreAll();
        syncBuiltinESMExports();
      }
      assert.deepEqual(await snapshot(folder, { times: false }), whole);
    });
  });
});
