/** `electron dist/electron-main.mjs ROOT [FOLDER]`; in a package without arguments. */
import { join } from 'node:path';
import { app } from 'electron';
import { ElectronShell } from './shell.ts';

const [given, folder] = process.argv.slice(app.isPackaged ? 1 : 2).filter((word) => !word.startsWith('-'));
const root = app.isPackaged ? app.getAppPath() : (given ?? process.cwd());
const bundles = join(root, 'dist');
const workspace = (app.isPackaged ? given : folder) ?? (app.isPackaged ? app.getPath('home') : root);
// Not awaited: Electron is not ready before this module has been evaluated.
void new ElectronShell({ root, bundles, page: join(bundles, 'renderer'), workspace }).start();
