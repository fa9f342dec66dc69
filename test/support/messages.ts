import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { root } from './cache.ts';

/** English texts the sources hand to `l10n.t`, and calls whose text cannot be read from the source. */
export interface Messages {
  readonly texts: readonly string[];
  readonly unreadable: readonly string[];
}

export function readMessages(): Messages {
  const texts = new Set<string>();
  const unreadable: string[] = [];
  for (const file of globSync('src/**/*.ts', { cwd: root }).sort()) {
    const source = ts.createSourceFile(
      file,
      readFileSync(path.join(root, file), 'utf8'),
      ts.ScriptTarget.Latest,
    );
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && node.expression.getText(source) === 'l10n.t') {
        const [text] = node.arguments;
        if (text && ts.isStringLiteralLike(text)) {
          texts.add(text.text);
        } else {
          unreadable.push(`${file}: ${node.getText(source).slice(0, 100)}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return { texts: [...texts].sort(), unreadable };
}
