import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { fileError, isOciError, OciError } from '../oci/errors.ts';

/** Whose patterns left something out: those of files, or of the person who pushes. */
export type IgnoreReason = 'gitignore' | 'ociignore' | 'chosen';

/** The patterns of one file, and the folder they are relative to. */
export interface IgnoreRules {
  readonly folder: string;
  readonly reason: IgnoreReason;
  readonly lines: readonly string[];
  readonly matcher: Ignore;
}

const ignoreFiles = [
  { name: '.gitignore', reason: 'gitignore' },
  { name: '.ociignore', reason: 'ociignore' },
] as const;

/** Most bytes of a file of patterns, and most folders upwards to the root of a git repository. */
const maxFile = 1024 * 1024;
const maxUp = 100;

/** Whether a name may be that of a file of patterns; file systems without case take any case for it. */
export function isIgnoreFile(name: string): boolean {
  return /^\.(?:git|oci)ignore$/i.test(name);
}

/** The rules that stand in a folder, the weakest first. @throws {OciError} for a file that is there and cannot be read */
export async function rulesIn(folder: string): Promise<readonly IgnoreRules[]> {
  const found = await Promise.all(
    ignoreFiles.map(async ({ name, reason }) => {
      const text = await readRules(join(folder, name));
      return text === undefined ? [] : [rulesOf(folder, reason, text.split('\n'))];
    }),
  );
  return found.flat();
}

/**
 * The rules of a git repository that count for a folder inside it: `.git/info/exclude`, then those of the folders from the
 * root of the repository down to the one above. A folder that they leave out was chosen on purpose: the patterns that do so
 * do not count below it.
 */
export async function rulesAbove(folder: string): Promise<readonly IgnoreRules[]> {
  const above: string[] = [];
  let current = folder;
  for (let up = 0; up < maxUp; up++) {
    const git = await gitFolder(current);
    if (git !== undefined) {
      const text = await readRules(join(git, 'info', 'exclude'));
      const exclude = text === undefined ? [] : [rulesOf(current, 'gitignore', text.split('\n'))];
      const rules = [...exclude, ...(await Promise.all(above.map(rulesIn))).flat()];
      return rules.map((each) => withoutMatching(each, folder));
    }
    current = dirname(current);
    if (current === above[0]) {
      break;
    }
    above.unshift(current);
  }
  return [];
}

/** The innermost rules that have an opinion decide; of one folder, `.ociignore`. Parents are taken not to be ignored. */
export function ignoredBy(
  rules: readonly IgnoreRules[],
  path: string,
  isFolder: boolean,
): IgnoreReason | undefined {
  for (const { folder, reason, matcher } of rules.toReversed()) {
    const { ignored, unignored } = matcher.test(nameIn(folder, path, isFolder));
    if (ignored || unignored) {
      return ignored ? reason : undefined;
    }
  }
  return undefined;
}

/** What of the rules counts below a folder that is not ignored: inner rules may have taken it in again. */
export function rulesBelow(rules: readonly IgnoreRules[], folder: string): readonly IgnoreRules[] {
  return rules.map((each) => withoutMatching(each, folder));
}

export function rulesOf(folder: string, reason: IgnoreReason, lines: readonly string[]): IgnoreRules {
  return { folder, reason, lines, matcher: matcherOf(lines) };
}

/** With case, as git does where the file system has it: the same files are left out everywhere. */
function matcherOf(lines: readonly string[]): Ignore {
  return ignore({ ignorecase: false }).add(lines.join('\n'));
}

function withoutMatching(rules: IgnoreRules, folder: string): IgnoreRules {
  const name = nameIn(rules.folder, folder, true);
  if (folder === rules.folder || !rules.matcher.test(name).ignored) {
    return rules;
  }
  const lines = rules.lines.filter((line) => !matcherOf([line]).test(name).ignored);
  return rulesOf(rules.folder, rules.reason, lines);
}

function nameIn(folder: string, path: string, isFolder: boolean): string {
  const name = relative(folder, path).split(sep).join('/');
  return isFolder ? `${name}/` : name;
}

/** Undefined when there is none. What cannot be read might name secrets, so it is not passed over. */
export async function readRules(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) {
      return undefined;
    }
    if (stats.size > maxFile) {
      throw new OciError('too-large', `${path} has more than ${maxFile} bytes`, { url: path });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    const wrapped = fileError(error, path);
    if (isOciError(wrapped, 'file-missing')) {
      return undefined;
    }
    throw wrapped;
  }
}

/** Where git keeps what all work trees of the repository of a folder share. */
async function gitFolder(folder: string): Promise<string | undefined> {
  const path = join(folder, '.git');
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() === true) {
    return path;
  }
  if (stats?.isFile() !== true) {
    return undefined;
  }
  // A work tree or a submodule: `gitdir: path`.
  const target = /^gitdir: (.+)$/m.exec((await readRules(path)) ?? '')?.[1];
  if (target === undefined) {
    return path;
  }
  const home = resolve(folder, target.trim());
  const common = (await readRules(join(home, 'commondir')))?.trim();
  return common === undefined ? home : resolve(home, common);
}
