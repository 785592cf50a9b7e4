import { describe, it } from 'vitest';
import { chromiumPath, NO_CHROMIUM } from './browser.ts';
import { mainJob } from './main-job.ts';
import { BrowserShell } from './shell.ts';

if (chromiumPath === undefined) it.skip(`the main job in a browser: ${NO_CHROMIUM}`, () => {});
else describe('the main job in Chromium', () => mainJob(BrowserShell.open));
