import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Choice } from '../../../src/commands/ask.ts';
import { chosenBy } from '../../../src/commands/chosenBy.ts';

describe('Enter in a list', () => {
  const [go, key] = ['Continue', 'org.example.key'].map((label) => ({ label, value: label }));
  assert.ok(go && key);
  const choices = [go, key];
  const typed = (text: string): Choice<string> | undefined =>
    text.includes('=') ? { label: text, value: text } : undefined;

  it('takes what is selected where nothing was typed, or where it fits what was', () => {
    assert.equal(chosenBy('', go, choices, typed), go);
    assert.equal(chosenBy('ont', go, choices, typed), go);
    assert.equal(chosenBy('EXKEY', key, choices, typed), key);
  });

  it('takes what was typed where the list is behind', () => {
    assert.equal(chosenBy('a=b', go, choices, typed)?.label, 'a=b');
    assert.equal(chosenBy('org.example.key', go, choices, typed), key);
    assert.equal(chosenBy('example', go, choices, typed), key);
    assert.equal(chosenBy('nothing', go, choices, typed), undefined);
    assert.equal(chosenBy('x', undefined, choices, undefined), key);
  });
});
