import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Ajv } from 'ajv';
import manifest from '../../../package.json' with { type: 'json' };
import schema from '../../../media/push.schema.json' with { type: 'json' };
import { isOciError } from '../../../src/oci/errors.ts';
import { planPush } from '../../../src/packaging/plan.ts';
import {
  annotationsBy,
  changedAnnotations,
  maxRecipeBytes,
  parseRecipes,
  withRecipe,
  type PushRecipe,
} from '../../../src/packaging/pushRecipe.ts';
import {
  readRecipeFile,
  recipeNames,
  recipePaths,
  writeRecipeFile,
} from '../../../src/packaging/recipeFile.ts';

const recipe: PushRecipe = {
  name: 'site',
  target: 'localhost:5000/team/site:1.0',
  type: 'application/vnd.oci-explorer.files.v1',
  annotations: { note: 'mine', 'org.opencontainers.image.url': null },
  files: ['site', 'docs/a b.txt'],
  keepFileTimes: true,
};

const invalid = (error: unknown): boolean => isOciError(error, 'recipe-invalid');

/** What of a recipe differs, and is right or wrong by itself. */
const variants: readonly (readonly [isRight: boolean, differs: Readonly<Record<string, unknown>>])[] = [
  [true, {}],
  [true, { keepFileTimes: undefined, annotations: undefined }],
  [true, { target: 'local/app:latest', type: 'helm-chart', files: ['.'] }],
  [true, { target: '/data/my shelf:1', files: ['./a', 'a..b/..c', '...'] }],
  [true, { name: 'プッシュ 1' }],
  [false, { name: '' }],
  [false, { name: ' site' }],
  [false, { name: 'a\nb' }],
  [false, { name: 'x'.repeat(101) }],
  [false, { name: 7 }],
  [false, { name: undefined }],
  [false, { target: 'ghcr.io/team/site' }],
  [false, { target: 'ghcr.io/team/site@sha256:abc' }],
  [false, { target: 'user:secret@ghcr.io/team/site:1' }],
  [false, { target: 'site:1' }],
  [false, { target: 'ghcr.io/team/site:-1' }],
  [false, { target: `ghcr.io/${'x'.repeat(1024)}:1` }],
  [false, { type: '' }],
  [false, { type: 'a b' }],
  [false, { files: [] }],
  [false, { files: 'site' }],
  [false, { files: Array<string>(1001).fill('a') }],
  [false, { files: [''] }],
  [false, { files: ['/etc/passwd'] }],
  [false, { files: ['..'] }],
  [false, { files: ['a/../../b'] }],
  [false, { files: ['C:/Windows'] }],
  [false, { files: ['a\\b'] }],
  [false, { files: ['a\u0000b'] }],
  [false, { annotations: [] }],
  [false, { annotations: { '': 'x' } }],
  [false, { annotations: { key: 1 } }],
  [false, { annotations: { key: 'x'.repeat(4097) } }],
  [false, { keepFileTimes: 'yes' }],
  [true, { split: 'none', compression: 'gzip', ignore: [] }],
  [true, { split: 'folders', compression: 'zstd', ignore: ['*.map', '!kept.map', '/a b/'] }],
  [true, { split: 'patterns', compression: 'none' }],
  [true, { split: ['/packages/*', 'ünï/'] }],
  [false, { split: true }],
  [false, { split: 'files' }],
  [false, { split: null }],
  [false, { split: [7] }],
  [false, { split: [''] }],
  [false, { split: ['a\nb'] }],
  [false, { split: Array<string>(201).fill('a') }],
  [false, { compression: 'brotli' }],
  [false, { compression: ['gzip'] }],
  [false, { compression: 3 }],
  [false, { ignore: '*.map' }],
  [false, { ignore: ['x'.repeat(1025)] }],
  [false, { ignore: ['a\u0000'] }],
  [false, { password: 'secret' }],
];

describe('a file of push recipes', () => {
  const validate = new Ajv({ strict: false }).compile(schema);

  for (const [isRight, differs] of variants) {
    it(`is ${isRight ? 'taken' : 'refused'} with ${JSON.stringify(differs).slice(0, 70)}`, () => {
      const text = JSON.stringify({ recipes: [{ ...recipe, ...differs }] });
      assert.equal(validate(JSON.parse(text)), isRight, 'by the schema');
      if (isRight) {
        assert.equal(parseRecipes(text).length, 1);
      } else {
        assert.throws(() => parseRecipes(text), invalid);
      }
    });
  }

  it('is refused when it is no file of recipes, is too large or too deep, or says a thing twice', () => {
    for (const text of [
      '',
      'null',
      '[]',
      '{}',
      '{"recipes":{}}',
      '{"recipes":[],"more":1}',
      `{"recipes":[${'['.repeat(100_000)}`,
      `{"recipes":[]}${' '.repeat(maxRecipeBytes)}`,
      '{"recipes":[],"recipes":[]}',
      JSON.stringify({ recipes: [recipe, recipe] }),
      JSON.stringify({ recipes: [{ ...recipe, ['__proto__' as string]: {} }, null] }),
    ]) {
      assert.throws(() => parseRecipes(text), invalid, text.slice(0, 80));
    }
  });

  it('keeps what is in it when a recipe is added, and replaces the one of its name', () => {
    const other = { ...recipe, name: 'other' };
    const one = withRecipe(JSON.stringify({ $schema: 'x', recipes: [recipe] }), other);
    assert.deepEqual(parseRecipes(one), [recipe, other]);
    const changed = { ...recipe, target: 'local/x:2' };
    const two = withRecipe(one, changed);
    assert.deepEqual(parseRecipes(two), [changed, other]);
    assert.equal((JSON.parse(two) as { $schema: string }).$schema, 'x');
    assert.throws(() => withRecipe('{"recipes":7}', recipe), invalid);
    assert.throws(() => withRecipe(undefined, { ...recipe, target: 'u:p@host/x:1' }), invalid);
  });

  it('has a schema that the editor completes by', () => {
    assert.deepEqual(manifest.contributes.jsonValidation, [
      { fileMatch: '/.oci/push.json', url: './media/push.schema.json' },
    ]);
  });
});

describe('annotations of a recipe', () => {
  it('are what a person changed; the others are read again', () => {
    const offered = { revision: 'aaa', url: 'https://x', title: 'site' };
    const changes = changedAnnotations({ revision: 'aaa', title: 'Mine', note: 'x' }, offered);
    assert.deepEqual(changes, { title: 'Mine', note: 'x', url: null });
    const made = annotationsBy({ ...recipe, annotations: changes }, { ...offered, revision: 'bbb' });
    assert.deepEqual(made, { revision: 'bbb', title: 'Mine', note: 'x' });
  });
});

describe('files of a recipe', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oci-recipe-'));
    await mkdir(join(folder, 'work/site'), { recursive: true });
    await writeFile(join(folder, 'secret'), 'x');
    await symlink('../secret', join(folder, 'work/leak'));
    await symlink('site', join(folder, 'work/inner'));
  });
  after(() => rm(folder, { recursive: true }));
  const work = (): string => join(folder, 'work');

  it('stay in the folder, wherever a link leads', async () => {
    const paths = (file: string): Promise<readonly string[]> =>
      recipePaths(work(), { ...recipe, files: [file] });
    assert.deepEqual(await paths('./site/'), [join(work(), 'site')]);
    assert.deepEqual(await paths('.'), [work()]);
    assert.deepEqual(await paths('inner'), [join(work(), 'inner')]);
    await assert.rejects(paths('leak'), invalid);
    await assert.rejects(paths('gone'), (error) => isOciError(error, 'file-missing'));
    assert.deepEqual(recipeNames(work(), [work(), join(work(), 'site')]), ['.', 'site']);
    assert.equal(recipeNames(work(), [join(folder, 'secret')]), undefined);
  });

  it('are no part of what is pushed, and what stands beside them is', async () => {
    const root = join(folder, 'pushed');
    await mkdir(join(root, '.oci'), { recursive: true });
    const plan = async (): Promise<readonly string[]> => {
      const { layers } = await planPush([{ path: root, title: 'x' }], { largeFile: Infinity });
      return layers.flatMap(({ entries }) => entries.map(({ name }) => name));
    };
    assert.deepEqual(await plan(), ['x', 'x/.oci']);
    await writeFile(join(root, '.oci/push.json'), '{}');
    assert.deepEqual(await plan(), ['x']);
    await writeFile(join(root, '.oci/other'), '');
    assert.deepEqual(await plan(), ['x', 'x/.oci', 'x/.oci/other']);
  });

  it('are read and written as a whole, and never through a link', async () => {
    assert.equal(await readRecipeFile(work()), undefined);
    await writeRecipeFile(work(), 'one');
    await writeRecipeFile(work(), 'two');
    assert.equal(await readRecipeFile(work()), 'two');
    assert.deepEqual(await readdir(join(work(), '.oci')), ['push.json']);
    await rm(join(work(), '.oci/push.json'));
    await symlink('../../secret', join(work(), '.oci/push.json'));
    await assert.rejects(readRecipeFile(work()), invalid);
    await assert.rejects(writeRecipeFile(work(), 'three'), invalid);
    await rm(join(work(), '.oci'), { recursive: true });
    await mkdir(join(folder, 'elsewhere'));
    await symlink('../elsewhere', join(work(), '.oci'));
    await assert.rejects(writeRecipeFile(work(), 'three'), invalid);
    assert.deepEqual(await readdir(join(folder, 'elsewhere')), []);
    assert.equal(await readFile(join(folder, 'secret'), 'utf8'), 'x');
    await rm(join(work(), '.oci'));
    await mkdir(join(work(), '.oci'));
    await writeFile(join(work(), '.oci/push.json'), Buffer.alloc(maxRecipeBytes + 1));
    await assert.rejects(readRecipeFile(work()), invalid);
  });
});
