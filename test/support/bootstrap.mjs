// Runs a task of test/support/tasks on any machine with Node 20 or newer: installs the dependencies where they are missing
// or old, then hands over to the Node 24 among them, which runs the TypeScript sources as they are.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const modules = path.join(root, 'node_modules');
const node = path.join(modules, 'node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
const [task, ...rest] = process.argv.slice(2);

installDependencies();
ensureNode();
runTask();

function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  const mark = path.join(modules, '.installed');
  if (existsSync(mark) ? readFileSync(mark, 'utf8') === lock : installedByHand()) {
    return;
  }
  console.error('Installing dependencies: npm ci …');
  const start = performance.now();
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(mark, lock);
  console.error(`npm ci: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Someone ran npm themselves: npm's own record then equals the lock file in all that matters. */
function installedByHand() {
  try {
    const installed = JSON.parse(readFileSync(path.join(modules, '.package-lock.json'), 'utf8')).packages;
    const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
    );
  } catch {
    return false;
  }
}

/** An npm that runs no install scripts leaves `node` without its binary: run its script by hand. */
function ensureNode() {
  if (spawnSync(node, ['--version']).status !== 0) {
    must(process.execPath, ['installArchSpecificPackage.js'], path.join(modules, 'node'));
  }
}

function must(program, args, cwd = root) {
  const { status, error } = spawnSync(program, args, {
    cwd,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error(error ?? `${program} ${args.join(' ')} ended with ${status}`);
    process.exit(1);
  }
}

function runTask() {
  const PATH = [path.join(modules, '.bin'), path.dirname(node), process.env.PATH].join(path.delimiter);
  // Every test file is a process that compiles much of the same.
  const NODE_COMPILE_CACHE = path.join(
    process.env.OCI_EXPLORER_CACHE ?? path.join(root, '.cache'),
    'compile',
  );
  const child = spawn(node, [path.join(root, 'test/support/tasks', `${task}.ts`), ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE, ...process.env, PATH },
  });
  // A terminal's Ctrl-C reaches the child by itself; a signal to this process alone must be handed on.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // An npm that is killed hands nothing on: what it started would go on for ever.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) {
      child.kill('SIGTERM');
    }
  }, 1_000).unref();
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
