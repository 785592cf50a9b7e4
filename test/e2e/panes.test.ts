/** Every pane that is registered, with a machine that runs, in every theme: for people who see badly, and for those without a mouse. */
import AxeBuilder from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { THEMES } from '../screens/pictures.ts';
import { endScene, setTheStage, showScene } from '../screens/scenes.ts';
import { type Copy, copyKernel } from '../support/kernel-copy.ts';
import { chromiumPath, NO_CHROMIUM, type Studio, type View } from './browser.ts';
import { BrowserShell } from './shell.ts';

if (chromiumPath === undefined) it.skip(`the panes in a browser: ${NO_CHROMIUM}`, () => {});

describe.skipIf(chromiumPath === undefined)('every pane', () => {
  let copy: Copy;
  let shell: BrowserShell;
  let studio: Studio;
  let views: View[] = [];

  beforeAll(async () => {
    copy = copyKernel();
    shell = await BrowserShell.open({ folder: copy.folder, settings: { reducedMotion: true } });
    studio = shell.studio;
    await setTheStage(studio, copy.folder, () => {});
    views = await studio.views();
  }, 600_000);

  afterAll(async () => {
    await shell?.close();
    copy?.dispose();
  });

  /** The title of the pane that has the keyboard. */
  const focused = () =>
    studio.page.evaluate<string | null>(
      `document.activeElement?.closest('[data-pane]')?.getAttribute('aria-label') ?? null`,
    );

  it('is in the list of panes, and there are those that layouts name', () => {
    expect(views.map(({ title }) => title)).toEqual(expect.arrayContaining(['Explorer', 'Problems', 'Serial', 'Chat']));
  });

  it('gets the keyboard when it is opened by it, gives it up to F6, and gets it back by Shift+F6', async () => {
    const stuck: string[] = [];
    for (const view of views) {
      await showScene(studio, view);
      // What a scene does may move the keyboard: asked for again.
      await studio.openView(view.title);
      await expect.poll(focused, { message: `the keyboard is in ${view.title}` }).toBe(view.title);
      await studio.page.keyboard.press('F6');
      if ((await focused()) === view.title) stuck.push(`${view.title} keeps it`);
      await studio.page.keyboard.press('Shift+F6');
      if ((await focused()) !== view.title) stuck.push(`${view.title} does not get it back`);
      await endScene(studio, view);
    }
    expect(stuck).toEqual([]);
  }, 300_000);

  it.each(THEMES)(
    'has nothing serious for axe in the theme %s',
    async (theme) => {
      await studio.theme(theme);
      const found: string[] = [];
      for (const view of views) {
        await showScene(studio, view);
        // Monaco's own inside is Monaco's.
        const { violations } = await new AxeBuilder({ page: studio.page })
          .include(`section[data-pane][aria-label="${view.title}"]`)
          .exclude('.monaco-editor')
          .analyze();
        for (const { id, impact, nodes } of violations) {
          if (impact !== 'serious' && impact !== 'critical') continue;
          found.push(`${view.title}: ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' … ')}`);
        }
        await endScene(studio, view);
      }
      expect(found).toEqual([]);
    },
    300_000,
  );

  it('complained of nothing', () => {
    expect(studio.complaints).toEqual([]);
  });
});
