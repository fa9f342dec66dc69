import type { ArtifactType } from '../artifacts/type.ts';

/** What a person looks for: all words, one of the types, one of the categories. */
interface Filter {
  readonly words: readonly string[];
  readonly types: readonly Wanted[];
  readonly categories: readonly Wanted[];
}

interface Wanted {
  /** In lower case. */
  readonly text: string;
  /** In quotes: the whole name, not a part of it. */
  readonly isWhole: boolean;
}

const token = /(type|category):(?:"([^"]*)"?|(\S*))|\S+/gi;

/** `1.4 type:helm category:"sbom"`. A token without a value is being typed and wants nothing yet. */
function parse(text: string): Filter {
  const words: string[] = [];
  const wanted: Record<string, Wanted[]> = { type: [], category: [] };
  for (const [all, field, quoted, plain] of text.toLowerCase().matchAll(token)) {
    const value = quoted ?? plain ?? '';
    if (field === undefined) {
      words.push(all);
    } else if (value !== '') {
      wanted[field]?.push({ text: value, isWhole: quoted !== undefined });
    }
  }
  return { words, types: wanted['type'] ?? [], categories: wanted['category'] ?? [] };
}

/** Matches names that contain every word of the text, whatever the case. */
export function matcher(text: string): (name: string) => boolean {
  const { words } = parse(text);
  return (name) => {
    const lower = name.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
}

/** Matches by `type:` and `category:`; undefined where the text asks for neither. */
export function typeMatcher(
  text: string | undefined,
): ((type: Pick<ArtifactType, 'id' | 'name' | 'category'>) => boolean) | undefined {
  const { types, categories } = parse(text ?? '');
  if (types.length + categories.length === 0) {
    return undefined;
  }
  return ({ id, name, category }) => {
    const lower = name.toLowerCase();
    return isOneOf(types, [id, lower, lower.replaceAll(' ', '-')]) && isOneOf(categories, [category]);
  };
}

function isOneOf(wanted: readonly Wanted[], texts: readonly string[]): boolean {
  return (
    wanted.length === 0 ||
    wanted.some(({ text, isWhole }) => texts.some((each) => (isWhole ? each === text : each.includes(text))))
  );
}

/** What finds this type and no other. */
export function typeToken({ id, name }: Pick<ArtifactType, 'id' | 'name'>): string {
  return `type:"${name.includes('"') ? id : name}"`;
}

export function categoryToken(category: ArtifactType['category']): string {
  return `category:"${category}"`;
}
