import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };
import { root } from '../support/cache.ts';
import { readMessages } from '../support/messages.ts';

const languages = ['de', 'ja', 'zh-cn'] as const;

type Texts = Readonly<Record<string, string>>;

const read = (file: string): Texts => JSON.parse(readFileSync(path.join(root, file), 'utf8')) as Texts;

const placeholders = (text: string): readonly string[] => [...new Set(text.match(/\{\d+\}/g))].sort();

/** Commands, links and icons of a text stay what they are. */
const fixed = (text: string): readonly string[] =>
  (text.match(/\(command:[^)]*\)|\$\([^)]*\)|`[^`]*`|https?:\/\/[^\s)]+/g) ?? []).sort();

function hold(translated: Texts, english: Texts, file: string): void {
  assert.deepEqual(Object.keys(translated).sort(), Object.keys(english).sort(), file);
  for (const [key, text] of Object.entries(translated)) {
    assert.notEqual(text.trim(), '', key);
    assert.deepEqual(placeholders(text), placeholders(english[key] ?? ''), `${file}: ${key}`);
    assert.deepEqual(fixed(text), fixed(english[key] ?? ''), `${file}: ${key}`);
  }
}

describe('what people read', () => {
  const { texts, unreadable } = readMessages();

  it('is written where it is shown, so that it can be translated', () => {
    assert.deepEqual(unreadable, []);
  });

  it('is there in every language, whole and with its placeholders', () => {
    const english = Object.fromEntries(texts.map((text) => [text, text]));
    for (const language of languages) {
      const file = path.join(manifest.l10n, `bundle.l10n.${language}.json`);
      hold(read(file), english, file);
    }
    const found = globSync('bundle.l10n.*.json', { cwd: path.join(root, manifest.l10n) });
    assert.equal(found.length, languages.length);
  });

  it('is there in every language for package.json', () => {
    for (const language of languages) {
      const file = `package.nls.${language}.json`;
      hold(read(file), read('package.nls.json'), file);
    }
  });
});
