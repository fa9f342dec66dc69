import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runPeer } from './peers.ts';
import type { RunningRegistry } from './registries.ts';

/** Where distribution keeps a repository below its folder. */
function repositoryFolder(registry: RunningRegistry, repository: string): string {
  return path.join(registry.dir, 'docker/registry/v2/repositories', repository);
}

/**
 * Pushes one small artifact to a distribution registry and gives it all of these tags, by writing its files: pushing
 * thousands takes minutes. @returns the digest they name
 */
export async function seedTags(
  registry: RunningRegistry,
  repository: string,
  tags: readonly string[],
): Promise<string> {
  const reference = `${registry.host}/${repository}:${tags[0] ?? 'latest'}`;
  await runPeer('oras', ['push', '--plain-http', '--artifact-type', 'application/vnd.test', reference]);
  const { stdout } = await runPeer('oras', ['resolve', '--plain-http', reference]);
  const digest = stdout.trim();
  const folder = path.join(repositoryFolder(registry, repository), '_manifests/tags');
  await inBatches(tags, async (tag) => {
    const current = path.join(folder, tag, 'current');
    await mkdir(current, { recursive: true });
    await writeFile(path.join(current, 'link'), digest);
  });
  return digest;
}

/** Makes repositories of a distribution registry that its catalog lists; they hold nothing. */
export async function seedRepositories(registry: RunningRegistry, names: readonly string[]): Promise<void> {
  await inBatches(names, async (name) => {
    await mkdir(path.join(repositoryFolder(registry, name), '_manifests/tags'), { recursive: true });
  });
}

async function inBatches<T>(items: readonly T[], job: (item: T) => Promise<void>): Promise<void> {
  const size = 64;
  for (let at = 0; at < items.length; at += size) {
    await Promise.all(items.slice(at, at + size).map(job));
  }
}
