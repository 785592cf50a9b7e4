import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  app,
  BrowserWindow,
  dialog,
  type IpcMainEvent,
  ipcMain,
  Menu,
  MessageChannelMain,
  protocol,
  screen,
  session,
  type UtilityProcess,
  utilityProcess,
} from 'electron';
import { z } from 'zod';
import { securityHeaders } from '../server/guard.ts';
import { findStaticFile } from '../server/static-files.ts';
import type { HostOptions } from './host.ts';
import { menuTemplate } from './menu.ts';
import type { Places } from './places.ts';
import { readWindowState, SMALLEST, writeWindowState } from './window-state.ts';

const SCHEME = 'ring0';
const ORIGIN = `${SCHEME}://studio`;
const PAGE = `${ORIGIN}/index.html`;
/** A host or a page that dies at once is not started over and over without a breath. */
const RESTART_MS = 1000;
/** The longest that the program waits at its end for what its host still has to do. */
const END_MS = 3000;
/** What the system and the folder of the window's state are told; beside a package a clone has its own of each. */
const NAME = 'Ring0 Studio';

/** What a second start tells the first. */
const AskedSchema = z.object({ workspace: z.string() });

export interface ElectronShellOptions extends Places {
  /** The built page. */
  readonly page: string;
}

/** Windows, the native menu and dialogs. Everything else is in the service host, which this starts, and starts again when it dies. */
export class ElectronShell {
  readonly #options: ElectronShellOptions;
  #workspace: string;
  #window: BrowserWindow | undefined;
  #host: UtilityProcess | undefined;
  #quitting = false;

  constructor(options: ElectronShellOptions) {
    this.#options = options;
    this.#workspace = options.workspace;
  }

  /** Must be called before Electron is ready, and once. */
  async start(): Promise<void> {
    this.#takeName();
    if (!app.requestSingleInstanceLock({ workspace: this.#workspace })) {
      app.quit();
      return;
    }
    app.enableSandbox();
    protocol.registerSchemesAsPrivileged([
      { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
    ]);
    app.on('second-instance', (_event, _argv, _directory, asked) => {
      this.#show();
      void this.#offerFolder(asked);
    });
    app.on('activate', () => this.#show());
    app.on('window-all-closed', () => app.quit());
    app.on('before-quit', () => {
      this.#quitting = true;
    });
    // Not before the windows are closed: the page hands over what was typed last when it goes.
    app.on('will-quit', (event) => {
      const host = this.#host;
      if (host === undefined) return;
      event.preventDefault();
      host.once('exit', () => app.exit());
      setTimeout(() => app.exit(), END_MS);
      host.kill();
    });
    app.on('web-contents-created', (_event, contents) => {
      contents.setWindowOpenHandler(() => ({ action: 'deny' }));
      contents.on('will-navigate', (event) => event.preventDefault());
      contents.on('will-redirect', (event) => event.preventDefault());
      contents.on('will-attach-webview', (event) => event.preventDefault());
    });
    ipcMain.on('ring0:port', (event) => this.#givePort(event));
    ipcMain.handle('ring0:pick-model', (event) => (this.#isOwn(event) ? this.#pickModel() : null));
    await app.whenReady();
    protocol.handle(SCHEME, (request) => this.#serve(request));
    session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) =>
      decide(permission === 'clipboard-sanitized-write'),
    );
    session.defaultSession.setPermissionCheckHandler(
      (_contents, permission) => permission === 'clipboard-sanitized-write',
    );
    this.#startHost();
    const actions = {
      command: (id: string) => this.#window?.webContents.send('ring0:command', id),
      openFolder: () => void this.#openFolder(),
    };
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(actions, process.platform)));
    this.#show();
  }

  /**
   * Electron calls every program that is no package `Electron`, and by that name there is one instance of all of them: a clone's
   * name is told apart by where it is. A test or a person who names the folder has the say.
   */
  #takeName(): void {
    if (app.isPackaged) return;
    const { root } = this.#options;
    app.setName(NAME);
    if (app.commandLine.hasSwitch('user-data-dir')) return;
    const clone = createHash('sha256').update(root).digest('hex').slice(0, 8);
    const folder = join(app.getPath('appData'), `${NAME} (clone ${clone})`);
    mkdirSync(folder, { recursive: true });
    app.setPath('userData', folder);
  }

  #show(): void {
    const open = this.#window;
    if (open !== undefined) {
      if (open.isMinimized()) open.restore();
      open.focus();
      return;
    }
    if (this.#quitting) return;
    const statePath = join(app.getPath('userData'), 'window.json');
    const { maximized, ...bounds } = readWindowState(
      statePath,
      screen.getAllDisplays().map(({ workArea }) => workArea),
    );
    const window = new BrowserWindow({
      ...bounds,
      ...SMALLEST,
      show: false,
      title: NAME,
      backgroundColor: '#1e1e1e',
      webPreferences: {
        preload: join(this.#options.bundles, 'electron-preload.cjs'),
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webviewTag: false,
        webSecurity: true,
        spellcheck: false,
      },
    });
    this.#window = window;
    window.once('ready-to-show', () => {
      // Which shows it, too.
      if (maximized) window.maximize();
      window.show();
    });
    window.on('close', () =>
      writeWindowState(statePath, { ...window.getNormalBounds(), maximized: window.isMaximized() }),
    );
    // What was typed is in its backups: the page that comes back has it.
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason === 'clean-exit') return;
      setTimeout(() => {
        if (!this.#quitting && this.#window === window) window.webContents.reload();
      }, RESTART_MS);
    });
    window.on('closed', () => {
      this.#window = undefined;
    });
    void window.loadURL(PAGE);
  }

  #startHost(): void {
    const { root, bundles, ptyHost, version } = this.#options;
    const options: HostOptions = { root, workspace: this.#workspace, ptyHost, version };
    const host = utilityProcess.fork(join(bundles, 'electron-host.mjs'), [JSON.stringify(options)], {
      serviceName: 'Ring0 service host',
      stdio: 'inherit',
    });
    this.#host = host;
    host.once('exit', () => {
      if (this.#host !== host) return;
      this.#host = undefined;
      setTimeout(() => {
        if (!this.#quitting && this.#host === undefined) this.#startHost();
      }, RESTART_MS);
    });
  }

  /** A new port to the service host, for our own page alone. Without a host there is no port; the page asks again. */
  #givePort(event: IpcMainEvent): void {
    const frame = event.senderFrame;
    if (frame === null || !this.#isOwn(event) || this.#host === undefined) return;
    const { port1, port2 } = new MessageChannelMain();
    this.#host.postMessage({ kind: 'port' }, [port1]);
    frame.postMessage('ring0:port', null, [port2]);
  }

  /** Whether our own page asks, and no frame in it. */
  #isOwn({ senderFrame: frame, sender }: Pick<IpcMainEvent, 'senderFrame' | 'sender'>): boolean {
    const isPage = frame !== null && frame.parent === null && frame.origin === ORIGIN;
    return isPage && sender === this.#window?.webContents;
  }

  async #pickModel(): Promise<string | null> {
    if (this.#window === undefined) return null;
    const chosen = await dialog.showOpenDialog(this.#window, {
      title: 'Add a model to the library',
      properties: ['openFile'],
      filters: [{ name: 'GGUF models', extensions: ['gguf'] }],
    });
    return chosen.canceled ? null : (chosen.filePaths[0] ?? null);
  }

  async #serve(request: Request): Promise<Response> {
    const address = new URL(request.url);
    const own = address.host === 'studio' && (request.method === 'GET' || request.method === 'HEAD');
    const file = own ? await findStaticFile(this.#options.page, address.pathname) : undefined;
    if (file === undefined) return new Response('there is no such file\n', { status: 404 });
    const body = Readable.toWeb(file.open()) as ReadableStream<Uint8Array>;
    return new Response(body, { headers: { ...securityHeaders(), ...file.headers } });
  }

  async #openFolder(): Promise<void> {
    const window = this.#window;
    if (window === undefined) return;
    const chosen = await dialog.showOpenDialog(window, { properties: ['openDirectory'], defaultPath: this.#workspace });
    const [folder] = chosen.filePaths;
    if (!chosen.canceled && folder !== undefined) this.#switchTo(folder, window);
  }

  /** A second start, with another folder than the one that is open: one window has one folder. */
  async #offerFolder(asked: unknown): Promise<void> {
    const parsed = AskedSchema.safeParse(asked);
    const window = this.#window;
    if (!parsed.success || window === undefined || parsed.data.workspace === this.#workspace) return;
    const { workspace } = parsed.data;
    const { response } = await dialog.showMessageBox(window, {
      type: 'question',
      message: `Open ${workspace} in this window?`,
      detail: 'Machines, builds and terminals of the folder that is open end.',
      buttons: ['Open', 'Cancel'],
      defaultId: 1,
      cancelId: 1,
    });
    if (response === 0) this.#switchTo(workspace, window);
  }

  #switchTo(folder: string, window: BrowserWindow): void {
    this.#workspace = folder;
    const old = this.#host;
    // The page reloads for the new folder; what was unsaved in the old one is in its backups.
    this.#startHost();
    old?.kill();
    window.webContents.reload();
  }
}
