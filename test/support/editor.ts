import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { root } from './cache.ts';

/** Milliseconds one step may take on a slow machine. */
const patience = 20_000;

/** Clicks and keys of a person in the workbench; every step waits for what it needs to see. */
export interface Editor {
  readonly page: Page;
  /** Runs a command by its title in the palette: `OCI Explorer: Add Registry…`. */
  command(title: string): Promise<void>;
  /** Opens a view container of the activity bar. */
  openContainer(title: string): Promise<void>;
  /** A visible row of a tree, by its label. */
  row(label: string | RegExp): Locator;
  /** The text behind the label of a row. */
  description(label: string | RegExp): Promise<string>;
  /** Opens a row until its children are there. */
  expand(label: string | RegExp): Promise<void>;
  /** Chooses from the context menu of a row. */
  context(row: Locator, item: string | RegExp): Promise<void>;
  /** Clicks an icon of a row, which shows while the row is pointed at. */
  inline(row: Locator, title: string): Promise<void>;
  /** Drags a row of the Explorer over the icon of a view container, which opens, and drops it on the row of `label` there. */
  drag(source: Locator, container: string, label: string | RegExp): Promise<void>;
  /** Chooses a row of the quick pick. `title` waits for the step to be the one meant. */
  pick(item: string | RegExp, title?: string | RegExp): Promise<void>;
  /** Types into the input or quick pick and confirms. */
  answer(text: string, title?: string | RegExp): Promise<void>;
  /** Waits for a notification; with `button`, presses it. Returns its text. */
  notification(text: string | RegExp, button?: string | RegExp): Promise<string>;
  /** Presses a button of the dialog that holds `text`. Returns the text of the dialog. */
  dialog(text: string | RegExp, button: string | RegExp): Promise<string>;
  /** The tab of an open editor. */
  tab(title: string | RegExp): Locator;
  /** The visible text of the active editor, once it matches. */
  text(pattern: RegExp): Promise<string>;
  clearNotifications(): Promise<void>;
  closeEditors(): Promise<void>;
  /** A PNG in `out/pictures`, or where the variable OCI_EXPLORER_PICTURES says (the README's are made that way); its path. */
  picture(name: string): Promise<string>;
}

export function createEditor(page: Page): Editor {
  page.setDefaultTimeout(patience);
  const quickInput = page.locator('.quick-input-widget:visible');

  const row = (label: string | RegExp): Locator =>
    page
      .locator('.monaco-list-row[role="treeitem"]:visible')
      .filter({ has: page.locator('.label-name', { hasText: exactly(label) }) })
      .first();

  const step = async (title?: string | RegExp): Promise<Locator> => {
    const shown = title === undefined ? quickInput : quickInput.filter({ hasText: title });
    await shown.waitFor();
    // A pick or input that is still busy takes no answer.
    await quickInput.locator('.quick-input-progress:not(.done).active').waitFor({ state: 'hidden' });
    return shown.locator('input.input').first();
  };

  const editor: Editor = {
    page,
    async command(title) {
      const row = quickPickRow(title);
      const isFocused = async (): Promise<boolean> =>
        (await row.getAttribute('class', { timeout: 3_000 }))?.includes('focused') === true;
      // The best match has the focus at first, which need not be the one whose title this is.
      const focus = async (): Promise<void> => {
        for (let down = 0; !(await isFocused()); down++) {
          if (down === 10) {
            throw new Error(`${title} takes no focus`);
          }
          await page.keyboard.press('ArrowDown');
        }
      };
      // What takes the focus meanwhile, such as a row that is revealed, closes the palette.
      // Of several windows, keys are for the one in front.
      await page.bringToFront();
      for (let attempt = 0; ; attempt++) {
        await dismissQuickInput();
        await page.keyboard.press('F1');
        const isThere = await step()
          .then((input) => input.fill(`>${title}`, { timeout: 3_000 }))
          // A click would have to wait for the list to stand still.
          .then(() => row.waitFor({ timeout: 3_000 * (attempt + 1) }))
          .then(focus)
          .then(
            () => true,
            () => false,
          );
        if (isThere) {
          return page.keyboard.press('Enter');
        }
        if (attempt === 5) {
          throw new Error(`No ${title} in the palette`);
        }
      }
    },
    async openContainer(title) {
      const item = activity(title);
      await item.waitFor();
      if (!(await item.getAttribute('class'))?.includes('checked')) {
        await item.click();
        // Away from the icon, whose hover would lie over the view.
        await page.mouse.move(640, 500);
      }
      await page
        .locator('.sidebar .composite.title', { hasText: new RegExp(`^\\s*${escape(title)}`, 'i') })
        .waitFor();
    },
    row,
    async description(label) {
      const found = row(label).locator('.label-description');
      await found.waitFor();
      return (await found.textContent()) ?? '';
    },
    async expand(label) {
      const found = row(label);
      await found.waitFor();
      await found.scrollIntoViewIfNeeded();
      for (let attempt = 0; (await found.getAttribute('aria-expanded')) !== 'true'; attempt++) {
        if (attempt === 5) {
          throw new Error(`${String(label)} does not expand`);
        }
        await found.locator('.monaco-tl-twistie').click();
        await found
          .and(page.locator('[aria-expanded="true"]'))
          .waitFor({ timeout: 3_000 })
          .catch(() => undefined);
      }
      // The first child stands below it, one level deeper; rows that come above move both.
      for (let attempt = 0; ; attempt++) {
        const level = Number(await found.getAttribute('aria-level'));
        const position = Number(await found.getAttribute('data-index'));
        const child = page
          .locator(
            `.monaco-list-row[role="treeitem"][data-index="${position + 1}"][aria-level="${level + 1}"]:visible`,
          )
          .first();
        const isThere = await child.waitFor({ timeout: 2_000 }).then(
          () => true,
          () => false,
        );
        if (isThere) {
          return;
        }
        if (attempt === 10) {
          throw new Error(`${String(label)} has no row below it`);
        }
      }
    },
    async context(target, item) {
      await target.waitFor();
      // Playwright's CSS looks into the shadow root the menu lives in.
      const entry = page
        .locator('.context-view .monaco-menu .action-item')
        .filter({ has: page.locator('.action-label', { hasText: exactly(item) }) })
        .first();
      // A menu holds what was known when it opened; an extension that arrives later needs another look. And what takes the
      // focus meanwhile, such as a document that opens, closes it.
      const clicked = (): Promise<boolean> =>
        entry.click({ timeout: 3_000 }).then(
          () => true,
          () => false,
        );
      for (let attempt = 0, isChosen = false; !isChosen; attempt++) {
        if (attempt === 8) {
          throw new Error(`No ${String(item)} in the context menu`);
        }
        // In a list, the key would take back what is selected.
        if (await page.locator('.context-view .monaco-menu').isVisible()) {
          await page.keyboard.press('Escape');
        }
        await target.click({ button: 'right' });
        const isOpen = await entry.waitFor({ timeout: 2_000 }).then(
          () => true,
          () => false,
        );
        // The menu ignores the mouse for a moment, so that the click that opened it chooses nothing.
        await page.waitForTimeout(120);
        isChosen = isOpen && (await clicked());
      }
      const closed = (): Promise<boolean> =>
        entry.waitFor({ state: 'hidden', timeout: 1_000 }).then(
          () => true,
          () => false,
        );
      for (let attempt = 0; attempt < 5 && !(await closed()); attempt++) {
        await entry.click({ timeout: 1_000 }).catch(() => undefined);
      }
    },
    async inline(target, title) {
      await target.hover();
      await target.locator(`.action-label[aria-label^="${title}"]`).click();
    },
    async drag(source, container, label) {
      await moveTo(source);
      await page.mouse.down();
      // A drag is known by its moves, and opens what it rests on.
      const opened = page.locator('.sidebar .composite.title', { hasText: container });
      for (let attempt = 0; attempt < 20 && !(await opened.isVisible()); attempt++) {
        await moveTo(activity(container), attempt % 2);
        await opened.waitFor({ timeout: 1_000 }).catch(() => undefined);
      }
      const over = row(label).and(page.locator('.drop-target'));
      for (let attempt = 0; attempt < 5 && !(await over.isVisible()); attempt++) {
        await moveTo(row(label), attempt);
        await over.waitFor({ timeout: 1_000 }).catch(() => undefined);
      }
      await over.waitFor();
      await page.mouse.up();
    },
    async pick(item, title) {
      await step(title);
      await quickPickRow(item).click();
    },
    async answer(text, title) {
      const input = await step(title);
      await input.fill(text);
      await page.waitForTimeout(100);
      await input.press('Enter');
    },
    async notification(text, button) {
      const found = page
        .locator('.notifications-toasts .notification-list-item')
        .filter({ hasText: text })
        .first();
      await found.waitFor();
      const message = (await found.locator('.notification-list-item-message').textContent()) ?? '';
      if (button !== undefined) {
        await found.locator('.monaco-button', { hasText: exactly(button) }).click();
      }
      return message;
    },
    async dialog(text, button) {
      const box = page.locator('.monaco-dialog-box').filter({ hasText: text });
      await box.waitFor();
      const content = (await box.textContent()) ?? '';
      await box.locator('.monaco-button', { hasText: exactly(button) }).click();
      await box.waitFor({ state: 'hidden' });
      return content;
    },
    tab: (title) => page.locator('.tabs-container .tab').filter({ hasText: title }).first(),
    async text(pattern) {
      const lines = page.locator('.editor-group-container.active .editor-instance .view-lines').last();
      const deadline = Date.now() + patience;
      for (;;) {
        // Rendered spaces are no-break spaces.
        const found = ((await lines.innerText().catch(() => '')) || '').replaceAll('\u00a0', ' ');
        if (pattern.test(found)) {
          return found;
        }
        if (Date.now() > deadline) {
          throw new Error(`The editor does not show ${String(pattern)} but\n${found.slice(0, 2_000)}`);
        }
        await page.waitForTimeout(50);
      }
    },
    async clearNotifications() {
      await editor.command('Notifications: Clear All Notifications');
    },
    async closeEditors() {
      await editor.command('View: Close All Editors');
      await page.locator('.tabs-container .tab').first().waitFor({ state: 'hidden' });
    },
    async picture(name) {
      const folder = path.resolve(root, process.env['OCI_EXPLORER_PICTURES'] ?? 'out/pictures');
      mkdirSync(folder, { recursive: true });
      // Nothing hovered, nothing fading.
      await page.mouse.move(640, 795);
      await page.waitForTimeout(150);
      const file = path.join(folder, `${name}.png`);
      await page.screenshot({ path: file, animations: 'disabled' });
      return file;
    },
  };

  function activity(container: string): Locator {
    return page
      .locator('.activitybar .action-item')
      .filter({ has: page.locator(`.action-label[aria-label^="${container}"]`) });
  }

  /** To the start of the text of a row, or the middle of an icon; `off` pixels beside it, to move at all. */
  async function moveTo(target: Locator, off = 0): Promise<void> {
    await target.waitFor();
    const box = await target.boundingBox();
    if (!box) {
      throw new Error('There is nothing to point at');
    }
    await page.mouse.move(box.x + Math.min(60, box.width / 2) + off, box.y + box.height / 2, { steps: 5 });
  }

  function quickPickRow(item: string | RegExp): Locator {
    return quickInput
      .locator('.quick-input-list .monaco-list-row')
      .filter({ has: page.locator('.label-name', { hasText: exactly(item) }) })
      .first();
  }

  async function dismissQuickInput(): Promise<void> {
    for (let attempt = 0; attempt < 3 && (await quickInput.isVisible()); attempt++) {
      await page.keyboard.press('Escape');
      await page.waitForTimeout(100);
    }
  }

  return editor;
}

function exactly(text: string | RegExp): RegExp {
  return typeof text === 'string' ? new RegExp(`^\\s*${escape(text)}\\s*$`) : text;
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s');
}
