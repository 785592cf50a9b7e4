/** The Electron shell against a mock of Electron: no binary can be had everywhere, and what is asserted are our own decisions. */
import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MenuItemConstructorOptions } from 'electron';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeWindowState } from './window-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-electron-'));
const page = join(folder, 'renderer');
mkdirSync(page);
writeFileSync(join(page, 'index.html'), '<title>page</title>');
writeFileSync(join(folder, 'secret.json'), '{}');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fake = vi.hoisted(() => ({
  lock: true,
  quits: 0,
  exits: 0,
  isPackaged: false,
  switches: [] as string[],
  paths: new Map<string, string>(),
  asked: [] as unknown[],
  answer: 1,
  app: undefined as unknown as EventEmitter,
  ipc: undefined as unknown as EventEmitter,
  answers: new Map<string, (event: unknown) => unknown>(),
  windows: [] as FakeWindow[],
  hosts: [] as FakeHost[],
  handler: undefined as undefined | ((request: Request) => Promise<Response>),
  privileged: [] as unknown[],
  permission: undefined as
    | undefined
    | ((contents: unknown, permission: string, decide: (yes: boolean) => void) => void),
  permitted: undefined as undefined | ((contents: unknown, permission: string) => boolean),
  chosen: { canceled: true, filePaths: [] as string[] },
  sandboxed: false,
  menu: [] as unknown[],
}));

interface FakeWindow extends EventEmitter {
  readonly options: { webPreferences: Record<string, unknown> };
  readonly webContents: EventEmitter & { send: ReturnType<typeof vi.fn>; reload: ReturnType<typeof vi.fn> };
  loaded: string[];
}
interface FakeHost extends EventEmitter {
  readonly args: unknown[];
  readonly postMessage: ReturnType<typeof vi.fn>;
  readonly kill: ReturnType<typeof vi.fn>;
}

vi.mock('electron', async () => {
  const { EventEmitter: Emitter } = await import('node:events');
  class BrowserWindow extends Emitter {
    readonly webContents = Object.assign(new Emitter(), { send: vi.fn(), reload: vi.fn() });
    readonly loaded: string[] = [];
    readonly options: unknown;
    constructor(options: unknown) {
      super();
      this.options = options;
      fake.windows.push(this as unknown as FakeWindow);
    }
    loadURL = async (url: string) => void this.loaded.push(url);
    focus = vi.fn();
    show = vi.fn();
    maximize = vi.fn();
    restore = vi.fn();
    isMinimized = () => false;
    isMaximized = () => false;
    getNormalBounds = () => ({ x: 1, y: 2, width: 900, height: 700 });
  }
  fake.ipc = Object.assign(new Emitter(), {
    handle: (channel: string, answer: (event: unknown) => unknown) => fake.answers.set(channel, answer),
  });
  fake.app = Object.assign(new Emitter(), {
    commandLine: { hasSwitch: (name: string) => fake.switches.includes(name) },
    setName: (name: string) => fake.paths.set('name', name),
    setPath: (name: string, path: string) => fake.paths.set(name, path),
    requestSingleInstanceLock: (data: unknown) => {
      fake.asked.push(data);
      return fake.lock;
    },
    exit: () => {
      fake.exits += 1;
    },
    quit: () => {
      fake.quits += 1;
    },
    enableSandbox: () => {
      fake.sandboxed = true;
    },
    whenReady: async () => {},
    getPath: (name: string) => fake.paths.get(name) ?? folder,
  });
  Object.defineProperty(fake.app, 'isPackaged', { get: () => fake.isPackaged });
  return {
    app: fake.app,
    BrowserWindow,
    dialog: { showOpenDialog: async () => fake.chosen, showMessageBox: async () => ({ response: fake.answer }) },
    ipcMain: fake.ipc,
    Menu: {
      buildFromTemplate: (template: unknown) => template,
      setApplicationMenu: (menu: unknown) => fake.menu.push(menu),
    },
    MessageChannelMain: class {
      readonly port1 = 'port1';
      readonly port2 = 'port2';
    },
    protocol: {
      registerSchemesAsPrivileged: (schemes: unknown[]) => fake.privileged.push(...schemes),
      handle: (_scheme: string, handler: (request: Request) => Promise<Response>) => {
        fake.handler = handler;
      },
    },
    screen: { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] },
    session: {
      defaultSession: {
        setPermissionRequestHandler: (handler: typeof fake.permission) => {
          fake.permission = handler;
        },
        setPermissionCheckHandler: (handler: typeof fake.permitted) => {
          fake.permitted = handler;
        },
      },
    },
    utilityProcess: {
      fork: (...args: unknown[]) => {
        const host = Object.assign(new Emitter(), { args, postMessage: vi.fn(), kill: vi.fn() }) as unknown as FakeHost;
        fake.hosts.push(host);
        return host;
      },
    },
  };
});

const PLACES = {
  root: '/root',
  bundles: '/bundles',
  workspace: '/work space',
  ptyHost: '/bundles/pty-host.mjs',
  version: '1.2.3',
};

async function started() {
  const { ElectronShell } = await import('./shell.ts');
  const shell = new ElectronShell({ ...PLACES, page });
  await shell.start();
  const [window] = fake.windows;
  const [host] = fake.hosts;
  if (window === undefined || host === undefined) throw new Error('no window or no host');
  return { window, host };
}

beforeEach(async () => {
  await import('electron');
  fake.app.removeAllListeners();
  fake.ipc.removeAllListeners();
  fake.windows.length = 0;
  fake.hosts.length = 0;
  fake.menu.length = 0;
  fake.lock = true;
  fake.quits = 0;
  fake.exits = 0;
  fake.isPackaged = true;
  fake.switches.length = 0;
  fake.paths.clear();
  fake.asked.length = 0;
  fake.answer = 1;
});

/** What an item of the menu of the program that was started does. */
function menuItem(id: string): () => unknown {
  const items = (fake.menu.at(-1) as MenuItemConstructorOptions[]).flatMap(({ submenu }) =>
    Array.isArray(submenu) ? submenu : [],
  );
  const click = items.find((item) => item.id === id)?.click;
  if (click === undefined) throw new Error(`the menu has no ${id}`);
  return click as () => unknown;
}

describe('the window', () => {
  test('has no Node, a world of its own for the preload, and the sandbox', async () => {
    const { window } = await started();
    expect(window.options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webviewTag: false,
      webSecurity: true,
      preload: join('/bundles', 'electron-preload.cjs'),
    });
    expect(fake.sandboxed).toBe(true);
    expect(window.loaded).toEqual(['ring0://studio/index.html']);
  });

  test('goes nowhere else, and opens no other', async () => {
    await started();
    let decide = (): unknown => undefined;
    const contents = Object.assign(new EventEmitter(), {
      setWindowOpenHandler: (handler: () => unknown) => {
        decide = handler;
      },
    });
    fake.app.emit('web-contents-created', {}, contents);
    expect(decide()).toEqual({ action: 'deny' });
    for (const name of ['will-navigate', 'will-redirect', 'will-attach-webview']) {
      const event = { preventDefault: vi.fn() };
      contents.emit(name, event);
      expect([name, event.preventDefault.mock.calls.length]).toEqual([name, 1]);
    }
    const answers: boolean[] = [];
    for (const permission of ['media', 'geolocation', 'openExternal', 'clipboard-sanitized-write'])
      fake.permission?.({}, permission, (yes) => answers.push(yes));
    expect(answers).toEqual([false, false, false, true]);
    const permissions = ['media', 'clipboard-read', 'hid', 'clipboard-sanitized-write'];
    expect(permissions.map((permission) => fake.permitted?.({}, permission))).toEqual([false, false, false, true]);
  });

  test('is where it was, also when it was left maximized', async () => {
    writeWindowState(join(folder, 'window.json'), { x: 30, y: 40, width: 1000, height: 650, maximized: true });
    const { window } = await started();
    expect(window.options).toMatchObject({ x: 30, y: 40, width: 1000, height: 650, show: false, minWidth: 400 });
    window.emit('ready-to-show');
    expect((window as unknown as { maximize: ReturnType<typeof vi.fn> }).maximize).toHaveBeenCalledOnce();
    window.emit('close');
    const kept = JSON.parse(readFileSync(join(folder, 'window.json'), 'utf8'));
    expect(kept).toEqual({ x: 1, y: 2, width: 900, height: 700, maximized: false });
  });

  test('shows its page again when its process has died, with what was typed in the backups', async () => {
    vi.useFakeTimers();
    const { window } = await started();
    window.webContents.emit('render-process-gone', {}, { reason: 'clean-exit' });
    vi.runAllTimers();
    expect(window.webContents.reload).not.toHaveBeenCalled();
    window.webContents.emit('render-process-gone', {}, { reason: 'crashed' });
    // A page that dies at once must not do so a thousand times a second.
    expect(window.webContents.reload).not.toHaveBeenCalled();
    vi.runAllTimers();
    expect(window.webContents.reload).toHaveBeenCalledOnce();
    vi.useRealTimers();
  });

  test('opens another folder by the native dialog, with a new host for it; a dialog that is dismissed changes nothing', async () => {
    const { window, host } = await started();
    const open = menuItem('openFolder');
    fake.chosen = { canceled: true, filePaths: [] };
    await open();
    expect(fake.hosts).toHaveLength(1);
    fake.chosen = { canceled: false, filePaths: ['/another'] };
    await open();
    await vi.waitFor(() => expect(fake.hosts).toHaveLength(2));
    expect(JSON.parse(String((fake.hosts[1]?.args[1] as unknown[] | undefined)?.[0]))).toMatchObject({
      workspace: '/another',
    });
    expect(host.kill).toHaveBeenCalledOnce();
    expect(window.webContents.reload).toHaveBeenCalledOnce();
    // The end of the old one is no reason for a third.
    host.emit('exit', 0);
    expect(fake.hosts).toHaveLength(2);
  });

  test('hears of the commands of the native menu', async () => {
    const { window } = await started();
    menuItem('machine.run')();
    expect(window.webContents.send).toHaveBeenCalledWith('ring0:command', 'machine.run');
  });

  test('a second start of the program ends, and brings the first window to the front', async () => {
    const { window } = await started();
    fake.app.emit('second-instance');
    expect((window as unknown as { focus: ReturnType<typeof vi.fn> }).focus).toHaveBeenCalledOnce();
    expect(fake.windows).toHaveLength(1);
    expect(fake.hosts).toHaveLength(1);
    fake.lock = false;
    const { ElectronShell } = await import('./shell.ts');
    await new ElectronShell({ ...PLACES, page }).start();
    expect([fake.quits, fake.windows.length]).toEqual([1, 1]);
  });
});

describe('a second start', () => {
  const again = async (workspace: unknown, answer: number) => {
    fake.answer = answer;
    fake.app.emit('second-instance', {}, [], '/', { workspace });
    await new Promise((resolve) => setImmediate(resolve));
    return fake.hosts.length;
  };

  test('with another folder asks whether that is to be opened', async () => {
    const { host } = await started();
    expect(await again('/another', 1)).toBe(1);
    expect(await again('/another', 0)).toBe(2);
    expect(host.kill).toHaveBeenCalledOnce();
    expect(fake.hosts.at(-1)?.args[1]).toEqual([expect.stringContaining('"workspace":"/another"')]);
  });

  test('with the folder that is open, or with what nobody of us says, asks nothing', async () => {
    await started();
    expect(fake.asked).toEqual([{ workspace: PLACES.workspace }]);
    expect(await again(PLACES.workspace, 0)).toBe(1);
    expect(await again({ evil: true }, 0)).toBe(1);
  });
});

describe('the name', () => {
  test('of a clone is its own: another Electron program, package or clone is no first instance of it', async () => {
    fake.isPackaged = false;
    await started();
    expect(fake.paths.get('name')).toBe('Ring0 Studio');
    expect(fake.paths.get('userData')).toMatch(/Ring0 Studio \(clone [0-9a-f]{8}\)$/);
  });

  test('leaves a folder alone that was named, and all of a package', async () => {
    fake.isPackaged = false;
    fake.switches.push('user-data-dir');
    await started();
    expect(fake.paths.has('userData')).toBe(false);
    fake.isPackaged = true;
    fake.paths.clear();
    await started();
    expect(fake.paths.size).toBe(0);
  });
});

describe('the page', () => {
  test('comes from the package, with a policy that allows no connection at all', async () => {
    await started();
    const response = await fake.handler?.(new Request('ring0://studio/index.html'));
    expect(await response?.text()).toBe('<title>page</title>');
    const policy = response?.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("connect-src 'self';");
    for (const url of [
      'ring0://studio/../secret.json',
      'ring0://studio/%2e%2e%2fsecret.json',
      'ring0://other/index.html',
    ])
      expect([url, (await fake.handler?.(new Request(url)))?.status]).toEqual([url, 404]);
  });
});

describe('the service host', () => {
  const frame = () => ({ parent: null as unknown, origin: 'ring0://studio', postMessage: vi.fn() });

  test('gives a port to our own page, and to nobody else', async () => {
    const { window, host } = await started();
    const { root, workspace, ptyHost, version } = PLACES;
    expect(host.args.slice(0, 2)).toEqual([
      join('/bundles', 'electron-host.mjs'),
      [JSON.stringify({ root, workspace, ptyHost, version })],
    ]);
    const own = frame();
    fake.ipc.emit('ring0:port', { senderFrame: own, sender: window.webContents });
    expect(host.postMessage).toHaveBeenCalledWith({ kind: 'port' }, ['port1']);
    expect(own.postMessage).toHaveBeenCalledWith('ring0:port', null, ['port2']);
    const strangers = [
      { senderFrame: { ...frame(), origin: 'https://evil.example' }, sender: window.webContents },
      { senderFrame: { ...frame(), parent: {} }, sender: window.webContents },
      { senderFrame: frame(), sender: {} },
      { senderFrame: null, sender: window.webContents },
    ];
    for (const event of strangers) fake.ipc.emit('ring0:port', event);
    expect(host.postMessage).toHaveBeenCalledOnce();
  });

  test('the dialog for a model file is for our own page', async () => {
    const { window } = await started();
    const pick = fake.answers.get('ring0:pick-model');
    const own = { senderFrame: frame(), sender: window.webContents };
    fake.chosen = { canceled: false, filePaths: ['/models/tiny.gguf'] };
    expect(await pick?.(own)).toBe('/models/tiny.gguf');
    expect(await pick?.({ ...own, senderFrame: { ...frame(), origin: 'https://evil.example' } })).toBeNull();
    fake.chosen = { canceled: true, filePaths: [] };
    expect(await pick?.(own)).toBeNull();
  });

  test('is started again when it dies, and ends with the program', async () => {
    vi.useFakeTimers();
    const { host } = await started();
    host.emit('exit', 1);
    await vi.runAllTimersAsync();
    expect(fake.hosts).toHaveLength(2);
    fake.app.emit('before-quit');
    // The windows close now, and their pages say their last.
    expect(fake.hosts[1]?.kill).not.toHaveBeenCalled();
    const event = { preventDefault: vi.fn() };
    fake.app.emit('will-quit', event);
    expect(event.preventDefault).toHaveBeenCalledOnce();
    expect(fake.hosts[1]?.kill).toHaveBeenCalledOnce();
    expect(fake.exits).toBe(0);
    fake.hosts[1]?.emit('exit', 0);
    expect(fake.exits).toBe(1);
    await vi.runAllTimersAsync();
    expect(fake.hosts).toHaveLength(2);
    vi.useRealTimers();
  });
});
