import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** What the editor showed: a question with what there was to choose, or a message with its buttons. */
export interface Shown {
  readonly kind: 'pick' | 'marked' | 'text' | 'modal' | 'message' | 'dialog';
  readonly title: string;
  readonly detail: string;
  readonly choices: readonly string[];
}

/** What a person does next: a label that is chosen, labels that stay marked, a text that is typed, or leaving. */
export type Answer = string | readonly string[] | { readonly typed: string } | { readonly uris: unknown };

export interface ScriptedWindow {
  readonly shown: Shown[];
  /** Answers in the order of the questions; a message that is not modal takes one only where it names a button of it. */
  script(...answers: readonly Answer[]): void;
  /** Runs a command as it was registered. */
  run(id: string, ...args: readonly unknown[]): Promise<unknown>;
  /** What was run and copied to the clipboard. */
  readonly executed: (readonly unknown[])[];
  clipboard: string;
  /** Every answer was asked for, and messages that are not waited for are done with. */
  settled(): Promise<void>;
}

const nothing = (): void => undefined;

interface Item {
  readonly label: string;
}

/** Stands for the editor in tests of commands; `vscode` is the module of `vscodeStub.ts`. */
export function scriptedWindow(
  vscode: Readonly<Record<'window' | 'commands' | 'env' | 'workspace', object>>,
): ScriptedWindow {
  const handlers = new Map<string, (...args: readonly unknown[]) => Promise<unknown>>();
  let answers: Answer[] = [];
  const next = (what: string): Answer => {
    const answer = answers.shift();
    assert.ok(answer !== undefined, `Nobody answers: ${what}`);
    return answer;
  };
  const window: ScriptedWindow = {
    shown: [],
    executed: [],
    clipboard: '',
    script: (...more) => {
      answers = [...more];
      window.shown.length = 0;
      window.executed.length = 0;
    },
    run: (id, ...args) => {
      const handler = handlers.get(id);
      assert.ok(handler, id);
      return handler(...args);
    },
    settled: async () => {
      for (let turn = 0; turn < 200 && answers.length > 0; turn++) {
        await delay(5);
      }
      assert.deepEqual(answers, []);
    },
  };
  /** Of a list, with what a text that is typed adds to it. */
  const quickPick = (): object => {
    const listeners = { change: nothing, accept: nothing, hide: nothing };
    return {
      value: '',
      items: [] as readonly Item[],
      selectedItems: [] as readonly Item[],
      activeItems: [] as readonly Item[],
      canSelectMany: false,
      title: '',
      placeholder: '',
      busy: false,
      onDidChangeValue: (listener: () => void) => (listeners.change = listener),
      onDidAccept: (listener: () => void) => (listeners.accept = listener),
      onDidHide: (listener: () => void) => (listeners.hide = listener),
      onDidTriggerButton: nothing,
      onDidTriggerItemButton: nothing,
      dispose: nothing,
      async show(this: {
        value: string;
        items: readonly Item[];
        selectedItems: readonly Item[];
        busy: boolean;
        canSelectMany: boolean;
        title: string;
        placeholder: string;
      }) {
        for (let turn = 0; turn < 200; turn++) {
          await delay(5);
          if (!this.busy) {
            break;
          }
        }
        window.shown.push({
          kind: this.canSelectMany ? 'marked' : 'pick',
          title: this.title,
          detail: this.placeholder,
          choices: this.items.map(({ label }) => label),
        });
        const answer = next(`${this.title}: ${this.placeholder}`);
        if (answer === 'Escape') {
          listeners.hide();
          return;
        }
        if (typeof answer === 'object' && 'typed' in answer) {
          this.value = answer.typed;
          listeners.change();
          this.selectedItems = [];
        } else {
          const labels = typeof answer === 'string' ? [answer] : answer;
          assert.ok(Array.isArray(labels));
          this.selectedItems = labels.map((label: string) => {
            const found = this.items.find((item) => item.label.endsWith(label));
            assert.ok(found, `${label} of ${this.items.map((item) => item.label).join(', ')}`);
            return found;
          });
        }
        listeners.accept();
      },
    };
  };
  const inputBox = (): object => {
    const listeners = { accept: nothing, hide: nothing };
    return {
      value: '',
      title: '',
      prompt: '',
      validationMessage: undefined as unknown,
      onDidChangeValue: nothing,
      onDidAccept: (listener: () => void) => (listeners.accept = listener),
      onDidHide: (listener: () => void) => (listeners.hide = listener),
      onDidTriggerButton: nothing,
      dispose: nothing,
      async show(this: { value: string; title: string; prompt: string; validationMessage: unknown }) {
        await delay(1);
        window.shown.push({ kind: 'text', title: this.title, detail: this.prompt, choices: [this.value] });
        const answer = next(`${this.title}: ${this.prompt}`);
        if (answer === 'Escape') {
          listeners.hide();
          return;
        }
        if (typeof answer === 'object' && 'typed' in answer) {
          this.value = answer.typed;
        }
        listeners.accept();
        assert.equal(this.validationMessage, undefined);
      },
    };
  };
  const message = (
    text: string,
    ...rest: readonly (
      string | { readonly modal?: boolean; readonly detail?: string; readonly title?: string }
    )[]
  ): Promise<unknown> => {
    const [options] = rest;
    const isModal = typeof options === 'object' && options.modal === true;
    const buttons = isModal ? rest.slice(1) : rest;
    const labels = buttons.map((button) => (typeof button === 'string' ? button : (button.title ?? '')));
    window.shown.push({
      kind: isModal ? 'modal' : 'message',
      title: text,
      detail: isModal ? (options.detail ?? '') : '',
      choices: labels,
    });
    const isAnswered = isModal || labels.includes(answers[0] as string);
    const answer = isAnswered ? next(text) : undefined;
    assert.ok(answer === undefined || answer === 'Escape' || labels.includes(answer as string), text);
    return Promise.resolve(buttons[labels.indexOf(answer as string)]);
  };
  const fileDialog = ({ title = '' }: { readonly title?: string }): Promise<unknown> => {
    window.shown.push({ kind: 'dialog', title, detail: '', choices: [] });
    const answer = next(title);
    return Promise.resolve(typeof answer === 'object' && 'uris' in answer ? answer.uris : undefined);
  };
  Object.assign(vscode.commands, {
    registerCommand: (id: string, run: (...args: readonly unknown[]) => Promise<unknown>) => {
      handlers.set(id, run);
      return { dispose: nothing };
    },
    executeCommand: (...args: readonly unknown[]) => Promise.resolve(void window.executed.push(args)),
  });
  Object.assign(vscode.window, {
    createOutputChannel: () => ({ error: nothing, warn: nothing, info: nothing, dispose: nothing }),
    createQuickPick: quickPick,
    createInputBox: inputBox,
    showErrorMessage: message,
    showWarningMessage: message,
    showInformationMessage: message,
    showOpenDialog: fileDialog,
    showSaveDialog: fileDialog,
    setStatusBarMessage: nothing,
    withProgress: (_: object, task: (bar: object, token: object) => Promise<unknown>) =>
      task({ report: nothing }, { onCancellationRequested: () => ({ dispose: nothing }) }),
  });
  Object.assign(vscode.env, {
    clipboard: {
      writeText: (text: string) => {
        window.clipboard = text;
        return Promise.resolve();
      },
      readText: () => Promise.resolve(window.clipboard),
    },
  });
  return window;
}
