import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import '../../support/vscodeStub.ts';
import { createManifestCache } from '../../../src/browse/manifestCache.ts';
import type { Browser } from '../../../src/browse/browser.ts';
import type { Location } from '../../../src/browse/location.ts';
import type { Node } from '../../../src/browse/node.ts';
import { isAbort, OciError } from '../../../src/oci/errors.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { isIndexType, MediaType } from '../../../src/oci/mediaTypes.ts';
import { anonymous, browsing, named } from '../../support/browsing.ts';
import { scriptedServer, type ScriptedServer } from '../../support/scriptedServer.ts';

const { treeItem } = await import('../../../src/views/treeItem.ts');
const { tooltipOf } = await import('../../../src/views/tooltip.ts');
const { createDocumentReader } = await import('../../../src/editors/readDocument.ts');
const { digestLinks } = await import('../../../src/editors/links.ts');
const { nameOf, typeOf } = await import('../../../src/editors/nameOf.ts');
const { builtInTable } = await import('../../../src/artifacts/table.ts');
const { locationParts, parseLocationParts } = await import('../../../src/browse/locationText.ts');

let seed = 7;
const below = (limit: number): number => (seed = (seed * 48_271) % 2_147_483_647) % limit;
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;

const hostileText =
  '$(zap) **b** [x](command:evil) <img src=x>\u202e\u2066\u061c\u0007\u001b[31m\u2028\u0000\r\n`';
const nothing = digestOf(Buffer.from('none'));

/** What may stand where something else should. */
const garbage: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  hostileText,
  'x'.repeat(20_000),
  '../../../etc/passwd',
  [],
  [null, 1, [], {}],
  {},
  JSON.parse('{"__proto__":{"mediaType":"a/b"},"constructor":1,"toString":null}'),
  { mediaType: hostileText, digest: nothing, size: Number.MAX_SAFE_INTEGER },
  { mediaType: MediaType.manifest, digest: 'sha256:1', size: 1 },
];

function mutated(value: unknown, rate: number): unknown {
  if (below(rate) === 0) {
    return structuredClone(pick(garbage));
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => mutated(item, rate));
    return below(rate) === 0 ? [...items, ...items].reverse() : items;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(() => below(rate * 2) > 0)
        .map(([key, inner]) => [key, mutated(inner, rate)]),
    );
  }
  return value;
}

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
}

/** A registry of content that is nearly right, each document by its true digest. */
class World {
  readonly contents = new Map<string, Content>();
  readonly tags = new Map<string, string>();
  readonly lists = new Map<string, Content>();
  readonly #which: string;
  readonly #rate: number;

  /** @param which document is mutated; undefined: all */
  constructor(rate: number, which = '') {
    this.#rate = rate;
    this.#which = which;
    const config = this.add('config', MediaType.imageConfig, {
      created: '2026-01-01T00:00:00Z',
      os: 'linux',
      config: { Labels: { a: 'b', [hostileText]: hostileText } },
      rootfs: { diff_ids: [nothing] },
    });
    const layer = this.add('layer', MediaType.layerTarGzip, 'layer');
    const annotations = {
      'org.opencontainers.image.created': pick([
        '2026-01-01T00:00:00Z',
        '-1',
        '+275760-09-13T00:00:00Z',
        hostileText,
      ]),
      'org.opencontainers.image.title': hostileText,
      [hostileText]: hostileText,
    };
    const image = this.add('image', MediaType.manifest, {
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      config,
      layers: [{ ...layer, annotations }, layer],
      annotations,
    });
    const about = {
      ...image,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': image.digest,
      },
    };
    const index = this.add('index', MediaType.index, {
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: [
        {
          ...image,
          platform: { os: 'linux', architecture: 'amd64', variant: hostileText, 'os.version': hostileText },
        },
        { ...image, annotations, artifactType: hostileText },
        about,
      ],
      annotations,
    });
    const referrer = this.add('referrer', MediaType.manifest, {
      schemaVersion: 2,
      mediaType: MediaType.manifest,
      artifactType: hostileText,
      config,
      layers: [],
      subject: index,
    });
    this.tags.set('index', index.digest).set('image', image.digest).set('__proto__', referrer.digest);
    this.list('_catalog', {
      repositories: ['app', 'app', 'a/b', '../../etc', 'A', '', 'x/..', 'con', '__proto__'],
    });
    this.list('tags', {
      name: 'app',
      tags: [
        ...this.tags.keys(),
        'missing',
        '..',
        'a/b',
        '',
        '-x',
        'x'.repeat(200),
        `sha256-${'0'.repeat(64)}.sig`,
      ],
    });
    this.list('referrers', {
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: [
        { ...referrer, artifactType: hostileText, annotations },
        { ...referrer, size: 1 },
      ],
    });
  }

  #bytes(name: string, value: unknown): Buffer {
    const isMutated = this.#which === '' || this.#which === name;
    return Buffer.from(
      typeof value === 'string' ? value : JSON.stringify(isMutated ? mutated(value, this.#rate) : value),
    );
  }

  add(name: string, type: string, value: unknown): { mediaType: string; digest: string; size: number } {
    const bytes = this.#bytes(name, value);
    const digest = digestOf(bytes);
    this.contents.set(digest, { type, bytes });
    return { mediaType: type, digest, size: bytes.byteLength };
  }

  list(name: string, value: unknown): void {
    const type = name === 'referrers' ? MediaType.index : 'application/json';
    this.lists.set(name, { type, bytes: this.#bytes(name, value) });
  }

  /** What an answer says besides, where it is headers that are not right. */
  headers(): Readonly<Record<string, string>> {
    const header = (name: string, values: readonly string[]): object =>
      this.#which === 'headers' && below(this.#rate) === 0 ? { [name]: pick(values) } : {};
    return {
      ...header('content-type', ['text/html', 'application/json', '', 'x', MediaType.index, 'a/b; c']),
      ...header('docker-content-digest', [nothing, 'sha256:1', '../..', 'x'.repeat(5000)]),
      ...header('link', ['<http://x.example/v2/x?n=1>; rel="next"', '<?>; rel=next', '<', 'x'.repeat(9000)]),
      ...header('content-encoding', ['gzip', 'br', 'identity', 'x']),
      ...header('etag', ['"x"', nothing]),
      ...header('oci-filters-applied', ['artifactType', ',,']),
      ...header('warning', ['299 - "\\x1b[31m"', '299 - "']),
    };
  }

  answer(url: string): Content | undefined {
    const [path = ''] = url.split('?');
    const last = path.slice(path.lastIndexOf('/') + 1);
    if (path.endsWith('/tags/list')) {
      return this.lists.get('tags');
    }
    if (path === '/v2/_catalog') {
      return this.lists.get('_catalog');
    }
    if (path.includes('/referrers/')) {
      return this.lists.get('referrers');
    }
    return this.contents.get(this.tags.get(last) ?? last);
  }
}

/** Of each kind of harm; a seed gives the same every time. */
const rounds = 1;
const forbidden =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\]\(command|\$\(/;

function assertHarmless(text: string | undefined, limit: number, what: string): void {
  assert.ok((text ?? '').length <= limit, `${what} has ${text?.length} characters`);
  assert.doesNotMatch(text ?? '', forbidden, `${what}: ${JSON.stringify(text)}`);
}

describe('a registry whose answers are not what they should be', () => {
  let server: ScriptedServer;
  let world: World;
  let remote: ReturnType<typeof anonymous>;

  before(async () => {
    server = await scriptedServer((request, response) => {
      const found = world.answer(request.url);
      if (!found) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, {
        'content-type': found.type,
        'content-length': found.bytes.byteLength,
        ...world.headers(),
      });
      response.end(request.method === 'HEAD' ? undefined : found.bytes);
    });
    remote = anonymous(server.host);
  });

  after(async () => {
    await remote.stop();
    await server.stop();
  });

  async function look(browser: Browser, node: Node, depth: number): Promise<void> {
    const item = treeItem(node, browser);
    assertHarmless(typeof item.label === 'string' ? item.label : '', 400, 'label');
    assertHarmless(String(item.description ?? ''), 500, 'description');
    assertHarmless(item.accessibilityInformation?.label, 1000, 'spoken label');
    if (node.kind === 'failure') {
      assert.notEqual(node.error.code, 'internal', node.error.stack);
    }
    const services = {
      browser,
      network: {
        scheme: () => 'http',
        trusted: () => undefined,
        rules: () => [],
        insecureBy: () => undefined,
        isEverInsecure: () => false,
      },
      accounts: { answered: () => undefined, isSignedIn: () => Promise.resolve(false) },
    } as unknown as Parameters<typeof tooltipOf>[1];
    try {
      const tip = await tooltipOf(node, services, new AbortController().signal);
      assertHarmless(tip?.value, 10_000, 'tooltip');
    } catch (error) {
      assert.ok(error instanceof OciError && error.code !== 'internal', String((error as Error).stack));
    }
    await documents(browser, node);
    const children = depth === 0 ? [] : await browser.children(node);
    assert.ok(children.length <= 1000);
    await named(browser, children);
    for (const child of children) {
      await look(browser, child, depth - 1);
    }
  }

  async function documents(browser: Browser, node: Node): Promise<void> {
    if (
      node.kind !== 'tag' &&
      node.kind !== 'manifest' &&
      node.kind !== 'blob' &&
      node.kind !== 'referrers'
    ) {
      return;
    }
    const known = browser.named(node);
    const descriptor =
      node.kind === 'referrers'
        ? node.subject
        : known && !(known instanceof OciError)
          ? known.descriptor
          : undefined;
    if (!descriptor) {
      return;
    }
    const kind =
      node.kind === 'referrers'
        ? 'referrers'
        : node.kind === 'blob'
          ? node.role === 'config'
            ? 'config'
            : 'blob'
          : isIndexType(descriptor.mediaType)
            ? 'index'
            : 'manifest';
    for (const form of ['original', 'formatted'] as const) {
      const location: Location = {
        place: 'p',
        repository: node.repository,
        kind,
        digest: descriptor.digest,
        size: descriptor.size,
        mediaType: descriptor.mediaType,
        form,
      };
      assertHarmless(locationParts(location).path, 500, 'title');
      assert.ok(parseLocationParts(locationParts(location)));
      try {
        const bytes = await createDocumentReader(createManifestCache()).read(node.place, location);
        const type = typeOf(location, bytes, builtInTable);
        assert.ok(bytes.byteLength < 1_000_000);
        for (const link of digestLinks(Buffer.from(bytes).toString(), location)) {
          assertHarmless(nameOf(link.location, link.descriptor, builtInTable, type), 400, 'name of a link');
        }
      } catch (error) {
        assert.ok(error instanceof OciError && error.code !== 'internal', String((error as Error).stack));
      }
    }
  }

  for (const [which, rate] of [
    ['', 60],
    ...['config', 'image', 'index', 'referrer', '_catalog', 'tags', 'referrers', 'headers'].flatMap(
      (name) =>
        [
          [name, 20],
          [name, 4],
        ] as const,
    ),
  ] as const) {
    it(`is shown as far as it can be: ${which || 'everything'}, about one value of ${rate} another`, async () => {
      for (let round = 0; round < rounds; round++) {
        world = new World(rate, which);
        const before = server.seen.length;
        const browser = browsing(remote.registry);
        try {
          for (const root of [...browser.roots(), browser.find('p', 'app')]) {
            if (root) {
              await look(browser, root, 6);
            }
          }
        } catch (error) {
          if (!isAbort(error)) {
            throw error;
          }
        } finally {
          browser.dispose();
        }
        assert.ok(server.seen.length - before < 500, `${server.seen.length - before} requests`);
      }
    });
  }
});
