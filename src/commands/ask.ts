import type { QuickPickItemKind } from 'vscode';
import {
  InputBoxValidationSeverity,
  QuickInputButtons,
  window,
  type InputBoxValidationMessage,
  type QuickInputButton,
  type QuickPickItem,
} from 'vscode';
import { cancelled } from '../host/cancelled.ts';
import { chosenBy } from './chosenBy.ts';

/** Where a question stands in a row of questions. */
export interface StepInfo {
  readonly title: string;
  readonly step?: number;
  readonly totalSteps?: number;
  /** True: a Back button, answered by `back`. */
  readonly canGoBack?: boolean;
}

export const back = Symbol('back');
export type Back = typeof back;

export interface TextQuestion extends StepInfo {
  readonly prompt?: string;
  readonly placeholder?: string;
  readonly value?: string;
  readonly password?: boolean;
  /** What was wrong with the last answer, shown until something is typed. */
  readonly problem?: string | undefined;
  /** Undefined: fine. A text: not accepted. */
  readonly validate?: (value: string) => string | undefined;
  /** Asked a moment after the last key; its answer is shown and does not stop anyone. */
  readonly warn?: (value: string, signal: AbortSignal) => Promise<string | undefined>;
}

const pause = 300;

/** One line of text. @throws an abort when the person leaves */
export async function askText(question: TextQuestion): Promise<string | Back> {
  const box = window.createInputBox();
  Object.assign(box, stepOf(question), {
    prompt: question.prompt,
    placeholder: question.placeholder,
    value: question.value ?? '',
    password: question.password ?? false,
    ignoreFocusOut: true,
    buttons: question.canGoBack === true ? [QuickInputButtons.Back] : [],
  });
  let pending: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;
  const warnLater = (value: string): void => {
    pending?.abort();
    clearTimeout(timer);
    const { warn } = question;
    if (!warn || value === '' || question.validate?.(value) !== undefined) {
      return;
    }
    const controller = new AbortController();
    pending = controller;
    timer = setTimeout(() => {
      warn(value, controller.signal).then(
        (message) => {
          if (!controller.signal.aborted) {
            box.validationMessage = message === undefined ? undefined : warning(message);
          }
        },
        // What cannot be asked is no reason to stop anyone here: the command itself tells of it.
        () => undefined,
      );
    }, pause);
  };
  try {
    return await new Promise<string | Back>((resolve, reject) => {
      box.onDidChangeValue((value) => {
        box.validationMessage = undefined;
        warnLater(value);
      });
      box.onDidAccept(() => {
        const problem = question.validate?.(box.value);
        if (problem === undefined) {
          resolve(box.value);
        } else {
          box.validationMessage = problem;
        }
      });
      box.onDidTriggerButton((button) => {
        if (button === QuickInputButtons.Back) {
          resolve(back);
        }
      });
      box.onDidHide(() => {
        reject(cancelled());
      });
      box.validationMessage = question.problem;
      box.show();
      warnLater(box.value);
    });
  } finally {
    pending?.abort();
    clearTimeout(timer);
    box.dispose();
  }
}

function warning(message: string): InputBoxValidationMessage {
  return { message, severity: InputBoxValidationSeverity.Warning };
}

export interface Choice<T> extends QuickPickItem {
  readonly value: T;
}

export interface PickQuestion<T> extends StepInfo {
  readonly placeholder?: string;
  readonly value?: string;
  readonly choices: readonly (Choice<T> | Separator)[];
  /** More choices that take time; they come behind the others, and what fails is left out. */
  readonly more?: (signal: AbortSignal) => Promise<readonly (Choice<T> | Separator)[]>;
  /** A choice made of what was typed, when it is no other choice. */
  readonly typed?: (text: string) => Choice<T> | undefined;
  /** True: what was typed stands first, so that Enter takes it and not what only contains it. */
  readonly typedFirst?: boolean;
  /** What a button of a choice answers. */
  readonly onButton?: (choice: Choice<T>, button: QuickInputButton) => T | undefined;
  readonly active?: (choice: Choice<T>) => boolean;
}

export interface Separator {
  readonly label: string;
  readonly kind: QuickPickItemKind.Separator;
}

/** One of a list. @throws an abort when the person leaves */
export async function askPick<T>(question: PickQuestion<T>): Promise<T | Back> {
  const pick = window.createQuickPick<Choice<T> | (QuickPickItem & Separator)>();
  const controller = new AbortController();
  let choices = question.choices;
  const show = (): void => {
    const text = pick.value.trim();
    const known = choices.find((choice): choice is Choice<T> => 'value' in choice && choice.label === text);
    const typed = text === '' || known ? undefined : question.typed?.(text);
    pick.items = !typed ? choices : question.typedFirst ? [typed, ...choices] : [...choices, typed];
    // Items that are replaced lose what was active.
    const active = text === '' ? choices.find(isActive) : known;
    if (active) {
      pick.activeItems = [active];
    }
  };
  const isActive = (choice: Choice<T> | Separator): choice is Choice<T> =>
    'value' in choice && question.active?.(choice) === true;
  Object.assign(pick, stepOf(question), {
    placeholder: question.placeholder,
    ignoreFocusOut: true,
    matchOnDescription: true,
    matchOnDetail: true,
    buttons: question.canGoBack === true ? [QuickInputButtons.Back] : [],
  });
  pick.value = question.value ?? '';
  show();
  try {
    return await new Promise<T | Back>((resolve, reject) => {
      pick.onDidChangeValue(show);
      pick.onDidAccept(() => {
        const chosen = chosenBy(pick.value.trim(), pick.selectedItems[0], choices, question.typed);
        if (chosen && 'value' in chosen) {
          resolve(chosen.value);
        }
      });
      pick.onDidTriggerButton((button: QuickInputButton) => {
        if (button === QuickInputButtons.Back) {
          resolve(back);
        }
      });
      pick.onDidTriggerItemButton(({ item, button }) => {
        const answer = 'value' in item ? question.onButton?.(item, button) : undefined;
        if (answer !== undefined) {
          resolve(answer);
        }
      });
      pick.onDidHide(() => {
        reject(cancelled());
      });
      pick.show();
      if (question.more) {
        pick.busy = true;
        question
          .more(controller.signal)
          .then((found) => {
            if (!controller.signal.aborted) {
              choices = [...choices, ...found];
              show();
            }
          })
          .catch(() => undefined)
          .finally(() => {
            pick.busy = false;
          });
      }
    });
  } finally {
    controller.abort();
    pick.dispose();
  }
}

export interface MarkQuestion<T> extends StepInfo {
  readonly placeholder?: string;
  /** All are marked to begin with. */
  readonly choices: readonly Choice<T>[];
}

/** Some of a list, at least one. @throws an abort when the person leaves */
export async function askMarked<T>(question: MarkQuestion<T>): Promise<readonly T[] | Back> {
  const pick = window.createQuickPick<Choice<T>>();
  Object.assign(pick, stepOf(question), {
    placeholder: question.placeholder,
    ignoreFocusOut: true,
    matchOnDescription: true,
    canSelectMany: true,
    buttons: question.canGoBack === true ? [QuickInputButtons.Back] : [],
    items: question.choices,
    selectedItems: question.choices,
  });
  try {
    return await new Promise<readonly T[] | Back>((resolve, reject) => {
      pick.onDidAccept(() => {
        if (pick.selectedItems.length > 0) {
          resolve(pick.selectedItems.map(({ value }) => value));
        }
      });
      pick.onDidTriggerButton((button: QuickInputButton) => {
        if (button === QuickInputButtons.Back) {
          resolve(back);
        }
      });
      pick.onDidHide(() => {
        reject(cancelled());
      });
      pick.show();
    });
  } finally {
    pick.dispose();
  }
}

/** A question of its own, where there is nothing to go back to. */
export async function pickOne<T>(question: PickQuestion<T>): Promise<T> {
  const answer = await askPick(question);
  if (answer === back) {
    throw cancelled();
  }
  return answer;
}

export async function inputOne(question: TextQuestion): Promise<string> {
  const answer = await askText(question);
  if (answer === back) {
    throw cancelled();
  }
  return answer;
}

/** A modal question; anything but `button` is an abort. */
export async function confirm(message: string, detail: string, button: string): Promise<void> {
  if ((await window.showWarningMessage(message, { modal: true, detail }, button)) !== button) {
    throw cancelled();
  }
}

function stepOf({ title, step, totalSteps }: StepInfo): object {
  return { title, step, totalSteps };
}
