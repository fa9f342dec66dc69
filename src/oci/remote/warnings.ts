/** Texts of `Warning: 299` headers (distribution-spec, Warnings). */
export function warningsOf(header: string | string[] | undefined): readonly string[] {
  return (typeof header === 'string' ? [header] : (header ?? [])).flatMap((line) => {
    const text = /^299 - "((?:[^"\\]|\\.){0,4096})"/.exec(line)?.[1];
    return text === undefined ? [] : [text.replace(/\\(.)/g, '$1')];
  });
}
