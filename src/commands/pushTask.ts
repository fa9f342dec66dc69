import {
  CustomExecution,
  EventEmitter,
  l10n,
  Task,
  TaskScope,
  tasks,
  workspace,
  type Disposable,
  type Pseudoterminal,
  type TaskDefinition,
  type WorkspaceFolder,
} from 'vscode';
import { humanSize } from '../artifacts/facts.ts';
import { taskType } from '../contributions.ts';
import { cancelled } from '../host/cancelled.ts';
import { errorText } from '../host/errorText.ts';
import { describeError, log } from '../host/log.ts';
import { plainText } from '../host/plainText.ts';
import type { Services } from '../host/services.ts';
import type { Digest } from '../oci/digest.ts';
import { isAbort, OciError } from '../oci/errors.ts';
import { pushSources, type PushUi } from './push.ts';
import { recipeOrder } from './recipeOrder.ts';
import { refuseToMove } from './tagWatch.ts';
import { shownText } from './targets.ts';
import { diskFolders, recipesOf } from './workspaceRecipes.ts';

interface PushDefinition extends TaskDefinition {
  readonly type: typeof taskType;
  readonly task: 'push';
  /** Name of a recipe. */
  readonly recipe: string;
}

/** Tasks that push by a recipe: one is offered for each, and those of tasks.json are run. */
export function registerPushTask(services: Services): Disposable {
  return tasks.registerTaskProvider(taskType, {
    provideTasks: async () => {
      const found = await Promise.all(
        diskFolders().map((folder) =>
          // One folder that cannot be read hides no other; running its task says why.
          recipesOf(folder).catch((error: unknown) => {
            log().warn(`Push recipes: ${describeError(error)}`);
            return [];
          }),
        ),
      );
      return found
        .flat()
        .map(({ folder, recipe: { name } }) =>
          taskOf({ type: taskType, task: 'push', recipe: name }, folder, services),
        );
    },
    resolveTask: ({ definition, scope }) =>
      isPush(definition)
        ? taskOf(definition, typeof scope === 'object' ? scope : undefined, services)
        : undefined,
  });
}

function isPush(definition: TaskDefinition): definition is PushDefinition {
  return definition['task'] === 'push' && typeof definition['recipe'] === 'string';
}

function taskOf(definition: PushDefinition, folder: WorkspaceFolder | undefined, services: Services): Task {
  const name = `push ${plainText(definition.recipe)}`;
  const execution = new CustomExecution((resolved) =>
    // Variables of tasks.json are filled in by now.
    Promise.resolve(terminalOf(isPush(resolved) ? resolved.recipe : definition.recipe, folder, services)),
  );
  // There is nothing to scan for problems; without a list, the editor asks at each run what to look for.
  return new Task(definition, folder ?? TaskScope.Workspace, name, taskType, execution, []);
}

/** Runs as it opens, ends with the code of the task: 0, or 1 for what failed or was given up. */
function terminalOf(name: string, folder: WorkspaceFolder | undefined, services: Services): Pseudoterminal {
  const written = new EventEmitter<string>();
  const closed = new EventEmitter<number>();
  const ending = new AbortController();
  const say = (line: string): void => written.fire(`${plainText(line, 2000)}\r\n`);
  const stop = (): void => ending.abort(cancelled());
  return {
    onDidWrite: written.event,
    onDidClose: closed.event,
    open: () => {
      const signal = AbortSignal.any([services.signal, ending.signal]);
      void pushByName(name, folder, services, signal, say).then(
        () => closed.fire(0),
        (error: unknown) => {
          if (isAbort(error)) {
            say(l10n.t('Cancelled'));
          } else {
            log().error(`Task: ${describeError(error)}`);
            say(errorText(error).message);
          }
          closed.fire(1);
        },
      );
    },
    close: stop,
    handleInput: (keys) => {
      if (keys.includes('\u0003')) {
        stop();
      }
    },
  };
}

/** Running a task is a person's own act, and a task of a workspace nobody trusts is not run: so nothing is asked. */
async function pushByName(
  name: string,
  folder: WorkspaceFolder | undefined,
  services: Services,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  if (!workspace.isTrusted) {
    throw new OciError('recipe-invalid', 'The workspace is not trusted');
  }
  const folders = diskFolders();
  const found = (await Promise.all((folder ? [folder] : folders).map(recipesOf)))
    .flat()
    .filter(({ recipe }) => recipe.name === name);
  const [first] = found;
  if (!first || found.length > 1) {
    throw new OciError('recipe-invalid', `${found.length} recipes are called ${name}`);
  }
  const roots = folders.map(({ uri }) => uri.fsPath);
  const { sources, order } = await recipeOrder(first.recipe, first.folder.uri.fsPath, roots, services);
  let before: Digest | undefined;
  const ui: PushUi = {
    tellsDigest: false,
    withProgress: (title, task) => {
      say(title);
      return task({ signal, report: () => undefined });
    },
    agreeToSize: () => Promise.resolve(),
    agree: (_target, _tag, { plan, existing }) => {
      for (const { path, kind } of plan.concerns) {
        if (kind === 'secret') {
          say(l10n.t('May hold secrets: {0}', plainText(workspace.asRelativePath(path))));
        }
      }
      before = existing?.descriptor.digest;
      return Promise.resolve();
    },
    asks: false,
    agreeToMove: (target, _tag, now) => refuseToMove(target, now),
  };
  const { built, present, bytesSent } = await pushSources(sources, order, ui, services);
  const { layers, root } = built;
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  say(
    l10n.t(
      'Layers: {0}, there already: {1}, {2}, sent: {3}',
      layers.length,
      present,
      humanSize(size),
      humanSize(bytesSent),
    ),
  );
  if (before !== undefined && before !== root.digest) {
    say(l10n.t('Before: {0}', before));
  }
  say(l10n.t('Pushed {0}', shownText(order, order.tag)));
  say(root.digest);
}
