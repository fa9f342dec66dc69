import path from 'node:path';
import type { Session } from './session.ts';

/** The dialog of the web workbench is a quick input; it takes a path once it shows the one it begins with. */
export async function choosePath(
  { editor, workspace }: Session,
  chosen: string,
  title: RegExp,
): Promise<void> {
  const dialog = editor.page.locator('.quick-input-widget:visible').filter({ hasText: title });
  // What is asked next may have the same title, and no such row.
  const up = dialog.getByText('..', { exact: true });
  await up.waitFor();
  const input = dialog.locator('input.input').first();
  while (!(await input.inputValue()).startsWith(path.dirname(workspace))) {
    await editor.page.waitForTimeout(50);
  }
  await editor.answer(chosen, title);
  // While it lists what is there, it takes no key.
  const isClosed = (): Promise<boolean> =>
    up.waitFor({ state: 'hidden', timeout: 3_000 }).then(
      () => true,
      () => false,
    );
  for (let attempt = 0; attempt < 5 && !(await isClosed()); attempt++) {
    await input.press('Enter', { timeout: 1_000 }).catch(() => undefined);
  }
}
