import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import {
  toolCommands,
  toolGaps,
  type CommandTarget,
  type ToolGap,
} from '../../../src/artifacts/toolCommands.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { Index, Manifest } from '../../../src/oci/manifest.ts';
import { MediaType } from '../../../src/oci/mediaTypes.ts';

const digest = digestOf(Buffer.from('x'));
const folderType = 'application/vnd.oci.image.layer.v1.tar+gzip';

const target: CommandTarget = {
  kind: 'remote',
  registry: 'ghcr.io',
  repository: 'acme/app',
  tag: '1.2.3',
  digest,
  plainHttp: false,
  insecure: false,
};

function layer(title: string, mediaType = 'text/plain', more: Record<string, string> = {}): Descriptor {
  return { mediaType, digest, size: 1, annotations: { 'org.opencontainers.image.title': title, ...more } };
}

function artifact(layers: readonly Descriptor[], annotations: Record<string, string> = {}): Manifest {
  const config = { mediaType: MediaType.empty, digest, size: 2 };
  return {
    kind: 'manifest',
    mediaType: MediaType.manifest,
    artifactType: 'application/vnd.acme',
    config,
    layers,
    annotations,
  };
}

const image: Index = { kind: 'index', mediaType: MediaType.index, manifests: [] };

function commands(differs: Partial<CommandTarget> = {}, manifest?: Manifest | Index): readonly string[] {
  return toolCommands({ ...target, ...differs }, manifest).map(({ command }) => command);
}

describe('the commands of other tools', () => {
  it('pull and copy what is no artifact of files, and push none of it', () => {
    const ref = 'ghcr.io/acme/app:1.2.3';
    assert.deepEqual(commands({}, image), [
      `oras pull ${ref}`,
      `regctl image export ${ref} app.tar`,
      `crane pull --format oci ${ref} app`,
      `skopeo copy --all --preserve-digests docker://${ref} oci:app`,
      `oras cp ${ref} "$TARGET"`,
      `regctl image copy ${ref} "$TARGET"`,
      `crane copy ${ref} "$TARGET"`,
      `skopeo copy --all --preserve-digests docker://${ref} docker://"$TARGET"`,
    ]);
  });

  it('say what the registry needs: plain HTTP, or a certificate nobody else knows', () => {
    const host = { registry: 'host:5000', tag: undefined };
    const ref = `host:5000/acme/app@${digest}`;
    assert.deepEqual(commands({ ...host, plainHttp: true }), [
      `oras pull --plain-http ${ref}`,
      `regctl image export --host reg=host:5000,tls=disabled ${ref} app.tar`,
      `crane pull --insecure --format oci ${ref} app`,
      `skopeo copy --all --preserve-digests --src-tls-verify=false docker://${ref} oci:app`,
      `oras cp --from-plain-http ${ref} "$TARGET"`,
      `regctl image copy --host reg=host:5000,tls=disabled ${ref} "$TARGET"`,
      `crane copy --insecure ${ref} "$TARGET"`,
      `skopeo copy --all --preserve-digests --src-tls-verify=false docker://${ref} docker://"$TARGET"`,
    ]);
    const unverified = commands({ ...host, insecure: true });
    assert.equal(unverified[0], `oras pull --insecure ${ref}`);
    assert.equal(unverified[1], `regctl image export --host reg=host:5000,tls=insecure ${ref} app.tar`);
    assert.equal(unverified[4], `oras cp --from-insecure ${ref} "$TARGET"`);
  });

  it('name Local and layouts the way of each tool, and only where the tool takes it', () => {
    assert.deepEqual(commands({ kind: 'local', registry: '/home/ann/store' }), [
      'oras pull --oci-layout /home/ann/store/acme/app:1.2.3',
      'regctl image export ocidir:///home/ann/store/acme/app:1.2.3 app.tar',
      'skopeo copy --all --preserve-digests oci:/home/ann/store/acme/app:1.2.3 oci:app',
      'oras cp --from-oci-layout /home/ann/store/acme/app:1.2.3 "$TARGET"',
      'regctl image copy ocidir:///home/ann/store/acme/app:1.2.3 "$TARGET"',
      'skopeo copy --all --preserve-digests oci:/home/ann/store/acme/app:1.2.3 docker://"$TARGET"',
    ]);
    assert.deepEqual(commands({ kind: 'layout', registry: "/data/ann's: shelf", tag: undefined }), [
      `oras pull --oci-layout '/data/ann'\\''s: shelf@${digest}'`,
      `oras cp --from-oci-layout '/data/ann'\\''s: shelf@${digest}' "$TARGET"`,
    ]);
  });

  it('push an artifact of files again, with its type and annotations; of folders where the tool packs them', () => {
    const folder = layer('site', folderType, { 'io.deis.oras.content.unpack': 'true' });
    const manifest = artifact([layer('a b.txt'), layer('-rf')], { note: "it's $(here)" });
    const pushes = commands({}, manifest).filter((command) => / (?:push|put) /.test(command));
    assert.deepEqual(pushes, [
      "oras push --artifact-type application/vnd.acme --annotation 'note=it'\\''s $(here)'" +
        " ghcr.io/acme/app:1.2.3 -- 'a b.txt:text/plain' -rf:text/plain",
      "regctl artifact put --artifact-type application/vnd.acme --annotation 'note=it'\\''s $(here)' --file-title" +
        " '--file=a b.txt' --file-media-type=text/plain --file=-rf --file-media-type=text/plain ghcr.io/acme/app:1.2.3",
    ]);
    const ofFolder = commands({}, artifact([folder]));
    assert.ok(
      ofFolder.includes(
        'mkdir -p app && regctl artifact get --strip-dirs --output app ghcr.io/acme/app:1.2.3',
      ),
    );
    assert.ok(
      ofFolder.includes(
        `oras push --artifact-type application/vnd.acme ghcr.io/acme/app:1.2.3 site:${folderType}`,
      ),
    );
    assert.ok(!ofFolder.some((command) => command.startsWith('regctl artifact put')));
  });

  it('leave out what a tool would do wrong, and say why', () => {
    const unpack = { 'io.deis.oras.content.unpack': 'true' };
    const folder = layer('site', folderType, unpack);
    const inner = layer('site/docs', folderType, unpack);
    const zstd = layer('site', 'application/vnd.oci.image.layer.v1.tar+zstd', unpack);
    const plain = layer('site', 'application/vnd.oci.image.layer.v1.tar', {
      ...unpack,
      'io.deis.oras.content.digest': digest,
    });
    const regctlPush = { tool: 'regctl', action: 'push', why: 'folders' } as const;
    const notGzip: readonly ToolGap[] = [
      { tool: 'oras', action: 'pull', why: 'gzip' },
      { tool: 'oras', action: 'push', why: 'gzip' },
      regctlPush,
    ];
    const cases: readonly (readonly [readonly Descriptor[], readonly ToolGap[]])[] = [
      [[layer('a.txt')], []],
      [[folder, layer('a.txt')], [regctlPush]],
      [
        [folder, inner],
        [{ tool: 'oras', action: 'push', why: 'split' }, regctlPush],
      ],
      [
        [folder, layer('site/model.bin')],
        [
          { tool: 'regctl', action: 'pull', why: 'nested' },
          { tool: 'oras', action: 'push', why: 'split' },
          regctlPush,
        ],
      ],
      [[zstd], notGzip],
      [[plain], notGzip],
    ];
    for (const [layers, gaps] of cases) {
      const manifest = artifact(layers);
      assert.deepEqual(toolGaps(target, manifest), gaps);
      const made = toolCommands(target, manifest);
      for (const { tool, action } of gaps) {
        assert.ok(!made.some((each) => each.tool === tool && each.action === action), `${tool} ${action}`);
      }
      assert.equal(made.length, 10 - gaps.length);
    }
    // By digest nothing is pushed, so nothing is missing.
    assert.deepEqual(toolGaps({ ...target, tag: undefined }, artifact([folder, inner])), []);
  });

  it('push nothing by names that leave the folder or do something to a terminal, by digest, or attached', () => {
    const isPush = (command: string): boolean => / (?:push|put) /.test(command);
    for (const title of ['', '/etc/passwd', '../up', 'a/../../b', 'C:\\x', 'C:x', 'a\nb', 'a\u001b[201~b']) {
      assert.deepEqual(commands({}, artifact([layer(title)])).filter(isPush), [], JSON.stringify(title));
    }
    assert.deepEqual(commands({}, artifact([layer('a')], { note: 'a\nrm -rf ~' })).filter(isPush), []);
    assert.deepEqual(commands({}, artifact([layer('a')], { note: 'x'.repeat(5000) })).filter(isPush), []);
    assert.deepEqual(commands({ tag: undefined }, artifact([layer('a')])).filter(isPush), []);
    const subject = { mediaType: MediaType.manifest, digest, size: 1 };
    assert.deepEqual(commands({}, { ...artifact([layer('a')]), subject }).filter(isPush), []);
  });

  it('are the words a shell makes of them, whatever a server says', () => {
    const title = `$(touch x) \`y\` "z" 'w' \\n; & | > < * ?#!`.replaceAll('\\', '');
    const [push = ''] = commands({}, artifact([layer(title)])).filter((command) =>
      command.startsWith('oras push'),
    );
    const words = execFileSync('sh', ['-c', `printf '%s\\0' ${push}`], { encoding: 'utf8' }).split('\0');
    assert.equal(words.at(-2), `${title}:text/plain`);
  });
});
