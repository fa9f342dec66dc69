import { isRecord } from '../descriptor.ts';
import { OciError } from '../errors.ts';
import {
  parsed,
  repositoriesPath,
  type ArchivedImage,
  type ArchivedLayer,
  type DockerArchive,
} from './archivedImage.ts';

/** Longest chain of layers, and most tags of one archive. */
const maxDepth = 1000;
const maxTags = 1000;

/** Names of layers in archives of docker before 1.10. */
const idGrammar = /^[0-9a-f]{64}$/;

/** What one layer says of itself and the image it ends, which is not for a config. */
const ownFields: ReadonlySet<string> = new Set([
  'id',
  'parent',
  'Size',
  'parent_id',
  'layer_id',
  'throwaway',
]);

/**
 * Images of `repositories`, each layer a folder that names the one below it. They have no config: one is made as docker makes
 * it, of what the topmost layer says, with the digests of the layers.
 */
export async function legacyImages(archive: DockerArchive, path: string): Promise<readonly ArchivedImage[]> {
  const tops = new Map<string, string[]>();
  const repositories = parsed(await archive.bytes(repositoriesPath), repositoriesPath, path);
  let count = 0;
  for (const [name, tags] of Object.entries(isRecord(repositories) ? repositories : {})) {
    for (const [tag, id] of Object.entries(isRecord(tags) ? tags : {})) {
      if (typeof id !== 'string' || !idGrammar.test(id) || ++count > maxTags) {
        throw new OciError('archive-invalid', `${path} has a tag that names no layer`);
      }
      tops.set(id, [...(tops.get(id) ?? []), `${name}:${tag}`]);
    }
  }
  const images: ArchivedImage[] = [];
  for (const [id, names] of tops) {
    images.push({ names, ...(await imageOf(archive, path, id)) });
  }
  return images;
}

async function imageOf(
  archive: DockerArchive,
  path: string,
  top: string,
): Promise<Pick<ArchivedImage, 'config' | 'layers'>> {
  const layers: ArchivedLayer[] = [];
  const history: object[] = [];
  let image: Readonly<Record<string, unknown>> | undefined;
  for (let id: string | undefined = top; id !== undefined;) {
    if (layers.length >= maxDepth) {
      throw new OciError('archive-invalid', `${path} has an image of more than ${maxDepth} layers`);
    }
    const document = parsed(await archive.bytes(`${id}/json`), `${id}/json`, path);
    if (!isRecord(document)) {
      throw new OciError('archive-invalid', `${id}/json of ${path} is no object`);
    }
    image ??= document;
    layers.unshift(await archive.layer(`${id}/layer.tar`));
    history.unshift(historyOf(document));
    const parent = document['parent'];
    id = typeof parent === 'string' && idGrammar.test(parent) ? parent : undefined;
  }
  const fields = Object.entries(image ?? {}).filter(([key]) => !ownFields.has(key));
  const config = {
    architecture: 'amd64',
    os: 'linux',
    ...Object.fromEntries(fields),
    history,
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  };
  // Go writes a map by its keys in order.
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  return { config: new TextEncoder().encode(JSON.stringify(sorted)), layers };
}

function historyOf(document: Readonly<Record<string, unknown>>): object {
  const { created, author, comment, container_config: container } = document;
  const command = isRecord(container) && Array.isArray(container['Cmd']) ? container['Cmd'] : [];
  const words = command.filter((word): word is string => typeof word === 'string');
  return {
    ...(typeof created === 'string' ? { created } : {}),
    ...(typeof author === 'string' && author !== '' ? { author } : {}),
    ...(words.length > 0 ? { created_by: words.join(' ') } : {}),
    ...(typeof comment === 'string' && comment !== '' ? { comment } : {}),
  };
}
