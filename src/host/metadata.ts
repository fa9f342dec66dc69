import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Values of `org.opencontainers.image.*` that are offered for a push. */
export type Metadata = Readonly<Record<string, string>>;

const prefix = 'org.opencontainers.image.';

/** Most bytes of a file that are looked at, and most folders upwards to a repository. */
const maxFile = 1024 * 1024;
const maxUp = 20;

/**
 * What git and the manifest of a package say about a folder. Nothing is run: files are read, and what cannot be read says
 * nothing. Values that would name a person or hold credentials are left out.
 */
export async function readMetadata(folder: string): Promise<Metadata> {
  const found = await Promise.all([
    ...sources.map(({ file, read }) => readSource(join(folder, file), read)),
    git(folder),
  ]);
  const merged: Record<string, string> = {};
  // The first that says something wins.
  for (const metadata of found) {
    for (const [key, value] of Object.entries(metadata)) {
      const text = value?.trim() ?? '';
      if (text !== '' && text.length <= 1000) {
        merged[prefix + key] ??= text;
      }
    }
  }
  return merged;
}

type Found = Readonly<Record<string, string | undefined>>;

interface Source {
  readonly file: string;
  readonly read: (text: string) => Found;
}

/** One row per kind of package, the most telling first. */
const sources: readonly Source[] = [
  {
    file: 'Chart.yaml',
    read: (text) => ({ ...fields(text, 'name', 'version', 'description'), url: yaml(text, 'home') }),
  },
  { file: 'package.json', read: packageJson },
  {
    file: 'pyproject.toml',
    read: (text) => fields(section(text, 'project'), 'name', 'version', 'description', 'license'),
  },
  {
    file: 'Cargo.toml',
    read: (text) => fields(section(text, 'package'), 'name', 'version', 'description', 'license'),
  },
];

async function readSource(path: string, read: (text: string) => Found): Promise<Found> {
  const text = await readText(path);
  return text === undefined ? {} : read(text);
}

function packageJson(text: string): Found {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null) {
    return {};
  }
  const json = value as Readonly<Record<string, unknown>>;
  const string = (key: string): string | undefined => (typeof json[key] === 'string' ? json[key] : undefined);
  return {
    title: string('name'),
    version: string('version'),
    description: string('description'),
    licenses: string('license'),
    url: string('homepage'),
  };
}

/** The three to four fields that chart, Python and Rust packages share, of YAML or TOML at top level. */
function fields(text: string, ...names: readonly string[]): Found {
  const keys: Readonly<Record<string, string>> = { name: 'title', license: 'licenses' };
  return Object.fromEntries(names.map((name) => [keys[name] ?? name, yaml(text, name)]));
}

/** `key: value` or `key = "value"` at the start of a line; anything richer than one line of text says nothing. */
function yaml(text: string, key: string): string | undefined {
  const match = new RegExp(
    `^${key}[ \\t]*[:=][ \\t]*(?:"([^"\\\\\\n]*)"|'([^'\\n]*)'|([^\\s"'{\\[|>#][^#\\n]*))`,
    'm',
  ).exec(text);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}

/** The lines of `[name]` in TOML. */
function section(text: string, name: string): string {
  const start = text.search(new RegExp(`^\\[${name}\\][ \\t]*$`, 'm'));
  if (start < 0) {
    return '';
  }
  const rest = text.slice(start + name.length + 2);
  const end = rest.search(/^\[/m);
  return end < 0 ? rest : rest.slice(0, end);
}

/** Remote and commit of the repository the folder is in. */
async function git(folder: string): Promise<Found> {
  const home = await gitFolder(folder);
  if (home === undefined) {
    return {};
  }
  const common = (await readText(join(home, 'commondir')))?.trim();
  const shared = common === undefined ? home : resolve(home, common);
  const [config, revision] = await Promise.all([readText(join(shared, 'config')), headCommit(home, shared)]);
  return { source: config === undefined ? undefined : remoteUrl(config), revision };
}

async function gitFolder(folder: string): Promise<string | undefined> {
  let current = folder;
  for (let up = 0; up < maxUp; up++) {
    const path = join(current, '.git');
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() === true) {
      return path;
    }
    if (stats?.isFile() === true) {
      // A work tree or submodule: `gitdir: path`.
      const target = /^gitdir: (.+)$/m.exec((await readText(path)) ?? '')?.[1];
      return target === undefined ? undefined : resolve(current, target.trim());
    }
    const above = dirname(current);
    if (above === current) {
      break;
    }
    current = above;
  }
  return undefined;
}

async function headCommit(home: string, shared: string): Promise<string | undefined> {
  const head = (await readText(join(home, 'HEAD')))?.trim() ?? '';
  const ref = /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
  if (ref === undefined) {
    return commit(head);
  }
  if (ref.includes('..')) {
    return undefined;
  }
  const loose = (await readText(join(home, ref))) ?? (await readText(join(shared, ref)));
  if (loose !== undefined) {
    return commit(loose.trim());
  }
  const packed = (await readText(join(shared, 'packed-refs'))) ?? '';
  return commit(
    packed
      .split('\n')
      .find((line) => line.endsWith(` ${ref}`))
      ?.split(' ')[0] ?? '',
  );
}

function commit(text: string): string | undefined {
  return /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text) ? text : undefined;
}

/** The URL of `origin`, as one that a browser opens; user and password never leave the machine. */
export function remoteUrl(config: string): string | undefined {
  const origin = /\[remote "origin"\]([^[]*)/.exec(config)?.[1] ?? '';
  const url = /^\s*url\s*=\s*(\S+)\s*$/m.exec(origin)?.[1];
  if (url === undefined) {
    return undefined;
  }
  const ssh = /^(?:ssh:\/\/)?(?:[^@/]+@)?(\w[\w.-]*)(?::(?:\d+\/)?|\/)([^:].*?)(?:\.git)?\/?$/.exec(url);
  if (/^https?:\/\//.test(url)) {
    try {
      const clean = new URL(url);
      clean.username = '';
      clean.password = '';
      clean.search = '';
      clean.hash = '';
      return clean.href.replace(/\.git$/, '').replace(/\/$/, '');
    } catch {
      return undefined;
    }
  }
  return ssh?.[1]?.includes('.') === true && ssh[2] !== undefined ? `https://${ssh[1]}/${ssh[2]}` : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() && stats.size <= maxFile ? await readFile(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
