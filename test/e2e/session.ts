import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../support/cache.ts';
import { createEditor, type Editor } from '../support/editor.ts';
import { packExtension } from '../support/extension.ts';
import { startRegistry, type RunningRegistry } from '../support/registries.ts';
import { run } from '../support/run.ts';
import { fillSamples } from '../support/samples.ts';
import {
  newPage,
  openWorkbench,
  startBrowser,
  startWorkbench,
  type Workbench,
} from '../support/workbench.ts';

/** A person before the packed extension in a real workbench, a registry beside it, and a Local full of samples. */
export interface Session {
  readonly editor: Editor;
  readonly workbench: Workbench;
  readonly registry: RunningRegistry;
  /** The folder the editor has open: a copy of `test/fixtures/workspace`, a git repository. */
  readonly workspace: string;
  /** For what goes with the session; docker's `config.json` is looked for in `docker` there. */
  readonly work: string;
  readonly settings: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** @param asksForTrust whether the folder is trusted only when a person says so */
export async function openSession({ asksForTrust = false } = {}): Promise<Session> {
  // Resolved, because the editor shows and compares real paths.
  const work = mkdtempSync(path.join(tmpdir(), 'oci-e2e-'));
  const workspace = path.join(work, 'lighthouse');
  cpSync(path.join(root, 'test/fixtures/workspace'), workspace, { recursive: true });
  await initGit(workspace);
  const localFolder = path.join(work, 'local');
  mkdirSync(localFolder);
  const vsix = process.env['OCI_EXPLORER_VSIX'] ?? (await packExtension());
  const settings = { 'ociExplorer.localFolder': localFolder };
  // No account of whoever runs the tests.
  const docker = path.join(work, 'docker');
  mkdirSync(docker);
  const env = { DOCKER_CONFIG: docker, REGISTRY_AUTH_FILE: path.join(docker, 'auth.json') };
  const [registry, browser, workbench] = await Promise.all([
    startRegistry('distribution'),
    startBrowser(),
    startWorkbench({ folder: workspace, extension: { vsix }, settings, env, asksForTrust }),
    fillSamples(localFolder),
  ]);
  const page = await newPage(browser);
  await openWorkbench(page, workbench.url);
  return {
    editor: createEditor(page),
    workbench,
    registry,
    workspace,
    work,
    settings,
    close: async () => {
      await browser.close();
      await Promise.all([workbench.stop(), registry.stop()]);
      await rm(work, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** One more window of the same person, on a `.code-workspace` file. */
export async function openWindow({ editor, workbench }: Session, workspaceFile: string): Promise<Editor> {
  const url = new URL(workbench.url);
  url.searchParams.delete('folder');
  url.searchParams.set('workspace', workspaceFile);
  const page = await editor.page.context().newPage();
  // On a busy machine the editor at times opens nothing in place of the folders of a file it has not read yet.
  const folders = page.locator('.explorer-folders-view .monaco-list-row').first();
  const nothing = page.getByText('No Folder Opened');
  for (let attempt = 0; attempt < 3; attempt++) {
    await openWorkbench(page, url.href);
    await folders.or(nothing).first().waitFor();
    if (!(await nothing.isVisible())) {
      return createEditor(page);
    }
  }
  throw new Error(`${workspaceFile} does not open`);
}

async function initGit(folder: string): Promise<void> {
  const git = (...args: string[]): Promise<unknown> =>
    run('git', ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com', ...args], { cwd: folder });
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', 'https://github.com/example/lighthouse.git');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'The first page');
}

/** A test with a picture of the workbench when it fails, in `out/pictures`. */
export function scenario(
  name: string,
  session: () => Session,
  body: (session: Session) => Promise<void>,
): void {
  test(name, { timeout: 120_000 }, async () => {
    try {
      await body(session());
    } catch (error) {
      const file = `failed ${name}`.replaceAll(/[^a-z0-9]+/gi, '-');
      // Of each window there is.
      const pages = session().editor.page.context().pages();
      for (const [index, page] of pages.entries()) {
        await createEditor(page)
          .picture(index === 0 ? file : `${file}-${index}`)
          .catch(() => undefined);
      }
      throw error;
    }
  });
}
