import { cancelled } from '../host/cancelled.ts';
import { back, type Back } from './ask.ts';

/** A question of a row: what it adds to the answers, `back`, or undefined where there was nothing to ask. */
export type Step<State> = (
  answers: State,
  at: { readonly step: number; readonly totalSteps: number; readonly canGoBack: boolean },
) => Promise<State | Back | undefined>;

/**
 * Asks one question after another; Back returns to the last one that was really asked, or is answered already.
 * @param given the answers after each of the first questions, which are asked only of who goes back to them
 * @throws an abort when the person leaves, or goes back before the first
 */
export async function runSteps<State>(
  first: State,
  steps: readonly Step<State>[],
  given: readonly State[] = [],
): Promise<State> {
  /** Positions of the questions that were asked, with the answers as they stood before. */
  const asked = given.map((_, position) => ({ position, before: given[position - 1] ?? first }));
  let answers = given.at(-1) ?? first;
  let position = given.length;
  while (position < steps.length) {
    const at = { step: position + 1, totalSteps: steps.length, canGoBack: asked.length > 0 };
    const answer = await steps[position]?.(answers, at);
    if (answer === back) {
      const last = asked.pop();
      if (!last) {
        throw cancelled();
      }
      ({ position, before: answers } = last);
      continue;
    }
    if (answer !== undefined) {
      asked.push({ position, before: answers });
      answers = answer;
    }
    position++;
  }
  return answers;
}
