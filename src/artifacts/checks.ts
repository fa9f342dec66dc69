import { isRecord } from '../oci/descriptor.ts';

/** Undefined when the value is right; else what is wrong, the path first. */
export type Check = (value: unknown, path: string) => string | undefined;

export function text(pattern: RegExp, longest: number, what: string): Check {
  return (value, path) =>
    typeof value === 'string' && value.length <= longest && pattern.test(value)
      ? undefined
      : `${path} is not ${what}`;
}

export function oneOf(values: readonly unknown[]): Check {
  return (value, path) => (values.includes(value) ? undefined : `${path} is not one of ${values.join(', ')}`);
}

export function list(check: Check, longest: number, shortest = 1): Check {
  return (value, path) =>
    Array.isArray(value) && value.length >= shortest && value.length <= longest
      ? firstProblem(value.map((item, index) => check(item, `${path}[${index}]`)))
      : `${path} is not a list of at most ${longest}`;
}

export function oneOrMany(check: Check, longest: number): Check {
  return (value, path) => (Array.isArray(value) ? list(check, longest)(value, path) : check(value, path));
}

/** An object with these fields and no other; `needed` says which must be there. */
export function object(fields: Readonly<Record<string, Check>>, needed: readonly string[]): Check {
  return (value, path) => {
    if (!isRecord(value)) {
      return `${path || 'The row'} is not an object`;
    }
    const missing = needed.find((name) => !Object.hasOwn(value, name));
    return missing === undefined
      ? firstProblem(
          Object.entries(value).map(([name, inner]) => {
            const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
            return check ? check(inner, `${path}.${name}`) : `${path}.${name.slice(0, 100)} is not known`;
          }),
        )
      : `${path}.${missing} is missing`;
  };
}

export function firstProblem(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}

export function both(first: Check, second: Check): Check {
  return (value, path) => first(value, path) ?? second(value, path);
}
