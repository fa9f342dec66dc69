import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from '../../src/browse/browser.ts';
import type { Node } from '../../src/browse/node.ts';
import { anonymous, browsing, eventually } from '../support/browsing.ts';
import { runPeer } from '../support/peers.ts';
import { startRegistry, type RegistryKind, type RunningRegistry } from '../support/registries.ts';
import type { RunOptions } from '../support/run.ts';

/** Images that are something else by a label of their config, and what they are called. */
const labelled: readonly (readonly [tag: string, label: string, name: string])[] = [
  ['imgpkg', 'dev.carvel.imgpkg.bundle=true', 'imgpkg bundle'],
  ['olm', 'operators.operatorframework.io.bundle.mediatype.v1=registry+v1', 'OLM bundle'],
  ['catalog', 'operators.operatorframework.io.index.configs.v1=/configs', 'OLM catalog'],
  ['crossplane', `io.crossplane.xpkg:sha256:${'a'.repeat(64)}=base`, 'Crossplane package'],
  ['devcontainer', 'devcontainer.metadata=[{"remoteUser":"vscode"}]', 'Dev image'],
  ['bootc', 'containers.bootc=1', 'bootc image'],
  ['plain', 'maintainer=ann', 'OCI image'],
];

/** What tools wrote, as a person sees it: with the referrers API, and without it. */
for (const kind of ['distribution', 'olareg'] as const satisfies readonly RegistryKind[]) {
  describe(`artifacts of tools in the tree (${kind})`, () => {
    let registry: RunningRegistry;
    let remote: ReturnType<typeof anonymous>;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'oci-types-tree-'));
      registry = await startRegistry(kind);
      remote = anonymous(registry.host);
    });

    after(async () => {
      await remote.stop();
      await registry.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const tool = async (
      name: Parameters<typeof runPeer>[0],
      args: readonly string[],
      options?: RunOptions,
    ): Promise<string> => (await runPeer(name, args, { cwd: folder, ...options })).stdout.trim();

    /** Names of tags and manifests, once nothing could refine them any more. */
    const namesOf = async (browser: Browser, parent: Node): Promise<Readonly<Record<string, string>>> => {
      const rows = (await browser.children(parent)).filter(
        (node) => node.kind === 'tag' || node.kind === 'manifest',
      );
      const found = (node: Node): string | undefined => {
        const named = browser.named(node);
        return named && 'type' in named && (node.kind === 'manifest' || !named.type.refinable)
          ? named.type.name
          : undefined;
      };
      // Attached tags are named by their manifests; their configs are read when they are hovered.
      await Promise.all(parent.kind === 'referrers' ? rows.map((node) => browser.complete(node)) : []);
      await eventually(() => rows.every((node) => found(node) !== undefined));
      return Object.fromEntries(
        rows.map((node) => [
          node.kind === 'tag' ? node.tag : node.descriptor.digest.slice(7, 19),
          found(node) ?? '',
        ]),
      );
    };
    const repositoryOf = (browser: Browser, name: string): Node => {
      const found = browser.find('p', name);
      assert.ok(found);
      return found;
    };

    const image = async (repository: string): Promise<string> => {
      await writeFile(path.join(folder, 'hello.txt'), 'hello\n');
      const reference = `${registry.host}/${repository}:1`;
      await tool('crane', ['--insecure', 'append', '--oci-empty-base', '-f', 'hello.txt', '-t', reference]);
      return (await remote.registry.repository(repository).resolve('1')).digest;
    };

    /** The tag, and what is attached to it. */
    const attached = async (
      browser: Browser,
      repository: string,
    ): Promise<readonly [tags: readonly string[], folded: number, attached: readonly string[]]> => {
      const children = await browser.children(repositoryOf(browser, repository));
      const tags = children.flatMap((node) => (node.kind === 'tag' ? [node] : []));
      const note = children.find((node) => node.kind === 'note');
      const [tag] = tags;
      assert.ok(tag);
      const referrers = (await browser.children(tag)).find((node) => node.kind === 'referrers');
      assert.ok(referrers);
      const names = Object.values(await namesOf(browser, referrers));
      return [tags.map((node) => node.tag), note?.kind === 'note' ? note.count : 0, names.sort()];
    };

    it('buildah and skopeo: images that are something else by a label', async () => {
      const store = ['--root', path.join(folder, 'store'), '--runroot', path.join(folder, 'run')];
      const buildah = (...args: string[]): Promise<string> =>
        tool('buildah', [...store, '--storage-driver', 'vfs', ...args]);
      const at = `docker://${registry.host}/labels`;
      for (const [tag, label] of labelled) {
        const container = await buildah('from', 'scratch');
        await buildah('config', '--label', label, container);
        await buildah('commit', '--tls-verify=false', '--format', 'oci', container, `${at}:${tag}`);
      }
      const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      await tool('skopeo', ['copy', '--insecure-policy', ...plain, `${at}:olm`, `${at}:copied`]);
      const docker = ['--format', 'v2s2', `${at}:bootc`, `${at}:docker`];
      await tool('skopeo', ['copy', '--insecure-policy', ...plain, ...docker]);
      const browser = browsing(remote.registry);
      assert.deepEqual(await namesOf(browser, repositoryOf(browser, 'labels')), {
        ...Object.fromEntries(labelled.map(([tag, , name]) => [tag, name])),
        copied: 'OLM bundle',
        docker: 'bootc image',
      });
      browser.dispose();
    });

    it('cosign: its three tags are folded, and stand under what they are about', async () => {
      const digest = await image('cosign');
      const reference = `${registry.host}/cosign@${digest}`;
      const cosign = (...args: string[]): Promise<string> =>
        tool('cosign', args, { env: { COSIGN_PASSWORD: '', HOME: folder } });
      await cosign('generate-key-pair');
      await writeFile(
        path.join(folder, 'predicate.json'),
        JSON.stringify({
          buildDefinition: { buildType: 'https://acme.example/build', externalParameters: {} },
          runDetails: { builder: { id: 'https://acme.example/builder' } },
        }),
      );
      await writeFile(path.join(folder, 'sbom.json'), '{"spdxVersion":"SPDX-2.3"}');
      const how = ['--key', 'cosign.key', '--tlog-upload=false', '--yes', '--allow-http-registry'];
      const attest = ['attest', ...how, '--predicate', 'predicate.json', '--type', 'slsaprovenance1'];
      await cosign('sign', ...how, '--new-bundle-format=false', reference);
      await cosign(...attest, '--new-bundle-format=false', reference);
      const sbom = ['attach', 'sbom', '--sbom', 'sbom.json', '--type', 'spdx', '--input-format', 'json'];
      await cosign(...sbom, '--allow-http-registry', reference);
      const browser = browsing(remote.registry);
      assert.deepEqual(await attached(browser, 'cosign'), [
        ['1'],
        3,
        ['Cosign signature', 'SLSA provenance', 'SPDX SBOM'],
      ]);
      browser.dispose();
      // A bundle is a referrer, by the fallback tag where there is no API.
      await cosign(...attest, '--new-bundle-format', reference);
      const again = browsing(remote.registry);
      const [, folded, names] = await attached(again, 'cosign');
      assert.equal(folded, kind === 'distribution' ? 4 : 3);
      assert.deepEqual(names, ['Cosign signature', 'SLSA provenance', 'SLSA provenance', 'SPDX SBOM']);
      again.dispose();
    });

    it('notation, oras and regctl: what they attach', async () => {
      const digest = await image('attached');
      const reference = `${registry.host}/attached@${digest}`;
      const home = path.join(folder, 'notation');
      await mkdir(home);
      const env = { HOME: home, XDG_CONFIG_HOME: home, NOTATION_CONFIG: home };
      await tool('notation', ['cert', 'generate-test', 'acme'], { env });
      await tool('notation', ['sign', '--insecure-registry', '--key', 'acme', reference], { env });
      const attach = ['attach', '--plain-http', '--artifact-type', 'application/sarif+json'];
      await tool('oras', [...attach, reference, 'hello.txt:application/sarif+json']);
      const regctl = { env: { REGCTL_CONFIG: path.join(folder, 'regctl.json') } };
      await tool('regctl', ['registry', 'set', '--tls', 'disabled', registry.host], regctl);
      const type = 'application/vnd.cyclonedx+json';
      const put = ['--artifact-type', type, '--file', 'hello.txt', '--file-media-type', type];
      await tool('regctl', ['artifact', 'put', ...put, '--subject', reference], regctl);
      const browser = browsing(remote.registry);
      const [tags, folded, names] = await attached(browser, 'attached');
      assert.deepEqual(tags, ['1']);
      // Notation keeps the fallback tag where there is the API too; nothing stands there twice.
      assert.equal(folded, 1);
      assert.deepEqual(names, ['CycloneDX SBOM', 'Notation signature', 'SARIF report']);
      browser.dispose();
    });

    it('helm: a chart and its provenance', async () => {
      const env = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
      await tool('helm', ['create', 'sail'], { env });
      await tool('helm', ['package', 'sail', '--version', '1.2.3'], { env });
      await writeFile(path.join(folder, 'sail-1.2.3.tgz.prov'), 'signed\n');
      await tool('helm', ['push', 'sail-1.2.3.tgz', `oci://${registry.host}/charts`, '--plain-http'], {
        env,
      });
      const browser = browsing(remote.registry);
      assert.deepEqual(await namesOf(browser, repositoryOf(browser, 'charts/sail')), {
        '1.2.3': 'Helm chart',
      });
      const tag = browser.locate('p', 'charts/sail', '1.2.3');
      assert.ok(tag);
      const names = (await browser.children(tag)).flatMap((node) => {
        const named = browser.named(node);
        return node.kind === 'blob' && named && 'type' in named ? [named.type.name] : [];
      });
      assert.deepEqual(names.sort(), ['Chart archive', 'Chart provenance', 'Helm chart config']);
      browser.dispose();
    });
  });
}
