import type { Choice, Separator } from './ask.ts';

/**
 * What Enter means. Who types fast is ahead of the list: what is selected there may be a row that does not fit what was typed
 * since, and the row for what was typed may not be there yet.
 */
export function chosenBy<T>(
  text: string,
  selected: Choice<T> | Separator | undefined,
  choices: readonly (Choice<T> | Separator)[],
  typed: ((text: string) => Choice<T> | undefined) | undefined,
): Choice<T> | Separator | undefined {
  if (text === '') {
    return selected;
  }
  const exact = choices.find((choice) => 'value' in choice && choice.label === text);
  const fitting = selected && fits(selected, text) ? selected : undefined;
  return (
    exact ?? fitting ?? typed?.(text) ?? choices.find((choice) => 'value' in choice && fits(choice, text))
  );
}

/** Whether the letters of the text stand in a row in their order, which is the least the editor's own filter asks for. */
function fits(choice: Choice<unknown> | Separator, text: string): boolean {
  const {
    label,
    description = '',
    detail = '',
  } = choice as Pick<Choice<unknown>, 'label' | 'description' | 'detail'>;
  return [label, description, detail].some((part) => {
    let at = 0;
    for (const letter of part.toLowerCase()) {
      at += letter === text.toLowerCase()[at] ? 1 : 0;
    }
    return at >= text.length;
  });
}
