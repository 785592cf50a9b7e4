/** `electron dist/electron-main.mjs ROOT [FOLDER]`; in a package `ring0-studio [FOLDER]`. */
import { join } from 'node:path';
import { app, dialog } from 'electron';
import { describeError } from '../../app/base/result.ts';
import { placesOf } from './places.ts';
import { ElectronShell } from './shell.ts';

const places = placesOf({
  isPackaged: app.isPackaged,
  argv: process.argv,
  appPath: app.getAppPath(),
  resources: process.resourcesPath,
  home: app.getPath('home'),
  version: app.getVersion(),
  directory: process.cwd(),
});
if (places.ok) {
  const { bundles } = places.value;
  // Not awaited: Electron is not ready before this module has been evaluated.
  void new ElectronShell({ ...places.value, page: join(bundles, 'renderer') }).start();
} else {
  dialog.showErrorBox('Ring0 Studio cannot start', describeError(places.error));
  app.exit(1);
}
