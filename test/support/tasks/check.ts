import { run } from '../run.ts';
import { root, say } from '../cache.ts';

/** Each is independent of the others, so they run at the same time; what fails is shown whole. */
const parts: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'prettier', '--check', '--cache', '--cache-strategy=content', '--log-level=warn', '.'],
  ['lint', 'eslint', '.'],
  ['types', 'tsc'],
  ['unused code', 'knip', '--cache'],
  ['unit', 'node', 'test/support/tasks/test.ts', 'unit'],
];

const start = performance.now();
const results = await Promise.all(
  parts.map(async ([name, program, ...args]) => {
    const begin = performance.now();
    const error = await run(program, args, { cwd: root }).then(
      () => undefined,
      (reason: unknown) => (reason instanceof Error ? reason.message : String(reason)),
    );
    const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
    say(error === undefined ? `✔ ${name}: ${seconds} s` : `✖ ${name}: ${seconds} s\n${error}`);
    return error === undefined;
  }),
);
const failed = results.filter((good) => !good).length;
console.log(
  `${results.length - failed} passed, ${failed} failed in ${((performance.now() - start) / 1_000).toFixed(1)} s`,
);
process.exit(failed > 0 ? 1 : 0);
