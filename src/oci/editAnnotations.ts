import { isRecord, type Annotations } from './descriptor.ts';
import { OciError } from './errors.ts';
import { parseJson } from './manifest.ts';

/** A member of the outermost object of a JSON text, as positions in it. */
interface Member {
  readonly key: string;
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/**
 * The same manifest with other annotations: every other byte of it, known field or not, stays as it is and where it is. Keys
 * that stay keep their order, new ones come last; with none left the field goes.
 * @throws {OciError} `manifest-invalid`
 */
export function withAnnotations(bytes: Uint8Array, annotations: Annotations): Uint8Array {
  const before = parseJson(bytes)['annotations'];
  const text = Buffer.from(bytes).toString('utf8');
  const members = membersOf(text);
  const at = members.findIndex(({ key }) => key === 'annotations');
  const found = members[at];
  const old = isRecord(before) ? before : {};
  const entries = [
    ...Object.keys(old).filter((key) => Object.hasOwn(annotations, key)),
    ...Object.keys(annotations).filter((key) => !Object.hasOwn(old, key)),
  ].map((key) => [key, annotations[key]] as const);
  const gap = /^\s*/.exec(text.slice(text.indexOf('{') + 1))?.[0] ?? '';
  const value = valueText(entries, gap.includes('\n') ? gap.replace(/^.*\n/s, '') : undefined);
  if (found && entries.length > 0) {
    return encoded(text.slice(0, found.value) + value + text.slice(found.end));
  }
  if (found) {
    const previous = members[at - 1];
    const next = members[at + 1];
    return encoded(
      previous
        ? text.slice(0, previous.end) + text.slice(found.end)
        : text.slice(0, found.start) + text.slice(next?.start ?? found.end),
    );
  }
  const last = members.at(-1);
  if (entries.length === 0 || !last) {
    return bytes;
  }
  const colon = gap === '' ? ':' : ': ';
  return encoded(`${text.slice(0, last.end)},${gap}"annotations"${colon}${value}${text.slice(last.end)}`);
}

/** @param indent of the members of the document, where each stands on a line of its own */
function valueText(
  entries: readonly (readonly [key: string, value: string | undefined])[],
  indent: string | undefined,
): string {
  const pairs = entries.map(([key, value]) => [JSON.stringify(key), JSON.stringify(value ?? '')] as const);
  return indent === undefined
    ? `{${pairs.map(([key, value]) => `${key}:${value}`).join(',')}}`
    : `{\n${pairs.map(([key, value]) => `${indent}${indent}${key}: ${value}`).join(',\n')}\n${indent}}`;
}

/** Of a text that is known to be an object of valid JSON. */
function membersOf(text: string): readonly Member[] {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs;
  const members: Member[] = [];
  let depth = 0;
  let key: { readonly text: string; readonly start: number } | undefined;
  let value: number | undefined;
  let end = 0;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (depth === 1 && key === undefined && token.startsWith('"')) {
      key = { text: JSON.parse(token) as string, start: index };
    } else if (depth === 1 && (token === ',' || token === '}')) {
      if (key && value !== undefined) {
        members.push({ key: key.text, start: key.start, value, end });
      }
      key = undefined;
      value = undefined;
    } else if (!(depth === 1 && token === ':')) {
      value = key ? (value ?? index) : undefined;
    }
    depth += token === '{' || token === '[' ? 1 : token === '}' || token === ']' ? -1 : 0;
    end = index + token.length;
  }
  if (depth !== 0) {
    throw new OciError('manifest-invalid', 'Not JSON');
  }
  return members;
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
