import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { copyCases } from '../../bench/copyCases.ts';
import { floorOf, measureRates, type Rates } from '../../bench/floor.ts';
import { folderCases } from '../../bench/folderCases.ts';
import { jsonLines, markdown, table, type Outcome } from '../../bench/report.ts';
import { runOurs, withSite, type Content } from '../../bench/site.ts';
import { smallCases } from '../../bench/smallCases.ts';
import { measure } from '../bench.ts';
import { cacheFolder, exists, root, say } from '../cache.ts';
import { installPeers } from '../peers.ts';

// `npm run bench` runs all beside the peers and writes test/bench/RESULTS.md; `npm run bench -- push-folder copy` only these;
// `--quick` tries the harness itself, small and once; `--rounds 1` makes so many.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' } },
});
const all = [...folderCases('distribution'), ...folderCases('olareg'), ...copyCases, ...smallCases];
const unknown = positionals.filter((name) => !all.some((each) => each.name === name));
if (unknown.length > 0) {
  say(`No case ${unknown.join(', ')}. There are: ${all.map(({ name }) => name).join(' ')}`);
  process.exit(1);
}
const chosen = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const rounds = values.rounds === undefined ? (values.quick ? 1 : undefined) : Number(values.rounds);

await installPeers();
const folder = mkdtempSync(path.join(tmpdir(), 'oci-bench-content-'));
// A run that is ended leaves no gigabytes behind.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
// Each program that runs ends with this one: twenty at once are no leak.
process.setMaxListeners(100);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(1));
}

const { mb: idleMb = 0 } = await runOurs(['idle'], 0);
const content: Content = { quick: values.quick, folder, idleMb };
const rates: Rates = await withSite(content, async (site) =>
  measureRates(await site.start('distribution'), site.work, values.quick ? 2 ** 23 : 2 ** 28),
);
const outcomes: Outcome[] = [];
const failed: string[] = [];
for (const each of chosen) {
  say(each.title);
  try {
    const outcome = await withSite(content, async (site): Promise<Outcome> => {
      const { contenders, work } = await each.prepare(site);
      return { case: each, ...(await measure(contenders, rounds)), floor: floorOf(work, rates) };
    });
    outcomes.push(outcome);
    for (const line of jsonLines(outcome)) {
      console.log(line);
    }
  } catch (error) {
    failed.push(each.name);
    say(`✖ ${each.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(`\n${table(outcomes)}`);
const isWhole = !values.quick && positionals.length === 0 && failed.length === 0;
const kept = path.join(root, 'test/bench/RESULTS.md');
const results = isWhole ? kept : path.join(cacheFolder, 'bench/RESULTS.md');
mkdirSync(path.dirname(results), { recursive: true });
writeFileSync(results, await markdown(outcomes, rates, exists(kept) ? readFileSync(kept, 'utf8') : ''));
say(`Written: ${results}`);
process.exit(failed.length === 0 ? 0 : 1);
