import { cpus, release, totalmem } from 'node:os';
import type { Case, Goal, Measured } from '../support/bench.ts';
import { run } from '../support/run.ts';
import { runPeer } from '../support/peers.ts';
import type { Floor, Rates } from './floor.ts';

/** What came of one case: ours first. */
export interface Outcome {
  readonly case: Pick<Case<never>, 'name' | 'title' | 'goal' | 'counts'>;
  readonly measured: readonly Measured[];
  readonly rounds: number;
  readonly floor: Floor;
}

/** Above the idle process, in MB, in every case. */
const memoryGoal = 64;

function bestPeer({ measured: [, ...peers] }: Outcome): Measured | undefined {
  return peers.toSorted((a, b) => a.seconds - b.seconds)[0];
}

function ratioOf({ measured: [ours] }: Outcome, peer: Measured | undefined): number | undefined {
  return ours && peer ? ours.seconds / peer.seconds : undefined;
}

/** What is missed of a goal, in words; empty where it is met. */
function misses(outcome: Outcome): readonly string[] {
  const [ours] = outcome.measured;
  const { ratio, seconds, count } = outcome.case.goal;
  const reached = ratioOf(outcome, bestPeer(outcome));
  const counted = ours?.count ?? NaN;
  const isKept = outcome.case.counts === 'kept';
  return [
    ratio !== undefined && !((reached ?? NaN) <= ratio) ? 'ratio' : '',
    seconds !== undefined && !((ours?.seconds ?? NaN) <= seconds) ? 'time' : '',
    count !== undefined && !(isKept ? counted >= count : counted <= count) ? (outcome.case.counts ?? '') : '',
    ours?.mb !== undefined && !(ours.mb <= memoryGoal) ? 'memory' : '',
  ].filter(Boolean);
}

function goalText({ ratio, seconds, count }: Goal, counts: string | undefined): string {
  return [
    ratio === undefined ? '' : `≤ ${ratio.toFixed(2)}`,
    count === undefined ? '' : `${counts === 'kept' ? '' : '≤ '}${count} ${counts ?? ''}`,
    seconds === undefined ? '' : `≤ ${seconds} s`,
  ]
    .filter(Boolean)
    .join(', ');
}

const round = (value: number | undefined, digits: number): number | null =>
  value === undefined || Number.isNaN(value) ? null : Number(value.toFixed(digits));

/** One object of JSON for each peer. */
export function jsonLines(outcome: Outcome): readonly string[] {
  const [ours, ...peers] = outcome.measured;
  const { name, goal, counts } = outcome.case;
  return peers.map((peer) =>
    JSON.stringify({
      case: name,
      ours_s: round(ours?.seconds, 4),
      peer: peer.name,
      peer_s: round(peer.seconds, 4),
      ratio: round(ratioOf(outcome, peer), 3),
      goal: goal.ratio ?? null,
      ours_mb: round(ours?.mb, 1),
      peer_mb: round(peer.mb, 1),
      floor_s: round(outcome.floor.seconds, 4),
      ...(goal.seconds === undefined ? {} : { goal_s: goal.seconds }),
      ...(counts === undefined
        ? {}
        : {
            [`ours_${counts}`]: round(ours?.count, 0),
            [`peer_${counts}`]: round(peer.count, 0),
            [`goal_${counts}`]: goal.count ?? null,
          }),
    }),
  );
}

const heads = [
  'case',
  'ours',
  'peers',
  'ratio to the best',
  'goal',
  'missed',
  'memory',
  'floor',
  'ours / floor',
];

function cells(outcome: Outcome): readonly string[] {
  const [ours, ...peers] = outcome.measured;
  const ratio = ratioOf(outcome, bestPeer(outcome));
  const text = ({ seconds, count }: Measured): string =>
    `${seconds.toFixed(2)} s${count === undefined ? '' : ` (${count})`}`;
  const { seconds, bound } = outcome.floor;
  return [
    outcome.case.title,
    ours ? text(ours) : '',
    peers.map((peer) => `${peer.name} ${text(peer)}`).join(', '),
    ratio === undefined ? '' : ratio.toFixed(2),
    goalText(outcome.case.goal, outcome.case.counts),
    misses(outcome).join(', '),
    ours?.mb === undefined ? '' : `${ours.mb.toFixed(0)} MB`,
    `${seconds.toFixed(2)} s (${bound})`,
    ours ? (ours.seconds / seconds).toFixed(1) : '',
  ];
}

/** For a terminal. */
export function table(outcomes: readonly Outcome[]): string {
  const rows = [heads, ...outcomes.map(cells)];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const versionArgs = {
  oras: ['version'],
  regctl: ['version'],
  crane: ['version'],
  skopeo: ['--version'],
} as const;

async function versions(): Promise<readonly string[]> {
  const lines = [`node ${process.version}, zlib ${process.versions.zlib}`];
  for (const [name, args] of Object.entries(versionArgs) as [keyof typeof versionArgs, readonly string[]][]) {
    const { stdout } = await runPeer(name, args);
    const version = /v?\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
    lines.push(version === undefined ? name : `${name} ${version}`);
  }
  const { stdout } = await run('tar', ['--version']);
  return [...lines, stdout.split('\n')[0] ?? 'tar'];
}

/** Everything up to here is written anew by a run; what follows is written by hand, and stays. */
const mark = '## What bounds what is missed, and what was tried';

/** The whole file. @param before what it holds now */
export async function markdown(outcomes: readonly Outcome[], rates: Rates, before: string): Promise<string> {
  const notes = before.includes(mark) ? before.slice(before.indexOf(mark)) : `${mark}\n`;
  const [cpu] = cpus();
  const MB = (rate: number): string => `${(rate / 1e6).toFixed(0)} MB/s`;
  const row = (of: readonly string[]): string => `| ${of.join(' | ')} |`;
  return [
    '# Benchmark',
    '',
    `Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores of ${cpu?.model.trim() ?? '?'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform} ${release()}.`,
    `Versions: ${(await versions()).join(', ')}.`,
    '',
    'Medians of 5 runs by turns (of 3 where a round takes more than 10 s); registries on loopback, distribution v3.1 where none is named. Ours is timed inside a process that has loaded, as it has in the editor; a peer from its start to its end. Memory is the most of all runs above the idle process. In brackets: requests, or what was kept. The delay of 20 ms a packet is made by a proxy that delivers all data of a connection that much later, each way, and counts the handshake.',
    '',
    'The floor is what cannot be left out (the sizes that have to be hashed, compressed, sent and written, the requests that wait for one another) at the rates of this machine, all cores busy:',
    `SHA-256 ${MB(rates.hash)} a core, gzip level 6 of text ${MB(rates.gzip)} a core, disk ${MB(rates.disk)}, loopback ${MB(rates.loopback)}, ${rates.files.toFixed(0)} small files/s, a request ${(rates.trip * 1e3).toFixed(2)} ms.`,
    '',
    row(heads),
    row(heads.map(() => '---')),
    ...outcomes.map((outcome) => row(cells(outcome))),
    '',
    notes.trimEnd(),
    '',
  ].join('\n');
}
