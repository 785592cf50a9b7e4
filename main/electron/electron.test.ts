/** The Electron shell against a mock of Electron: no binary can be had everywhere, and what is asserted are our own decisions. */
import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { MenuItemConstructorOptions } from 'electron';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StudioClient } from '../../app/contract/studio.ts';
import type { PortLike } from '../rpc/serve.ts';
import { runHost } from './host.ts';
import { menuTemplate } from './menu.ts';
import { FIRST_STATE, placeOnScreen, readWindowState, writeWindowState } from './window-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring0-electron-'));
const page = join(folder, 'renderer');
mkdirSync(page);
writeFileSync(join(page, 'index.html'), '<title>page</title>');
writeFileSync(join(folder, 'secret.json'), '{}');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fake = vi.hoisted(() => ({
  lock: true,
  quits: 0,
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
  chosen: { canceled: true, filePaths: [] as string[] },
  sandboxed: false,
  menu: [] as unknown[],
}));

interface FakeWindow extends EventEmitter {
  readonly options: { webPreferences: Record<string, unknown> };
  readonly webContents: { send: ReturnType<typeof vi.fn>; reload: ReturnType<typeof vi.fn> };
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
    readonly webContents = { send: vi.fn(), reload: vi.fn() };
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
    requestSingleInstanceLock: () => fake.lock,
    quit: () => {
      fake.quits += 1;
    },
    enableSandbox: () => {
      fake.sandboxed = true;
    },
    whenReady: async () => {},
    getPath: () => folder,
  });
  return {
    app: fake.app,
    BrowserWindow,
    dialog: { showOpenDialog: async () => fake.chosen },
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
        setPermissionCheckHandler: () => {},
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

async function started() {
  const { ElectronShell } = await import('./shell.ts');
  const shell = new ElectronShell({ root: '/root', page, bundles: '/bundles', workspace: '/work space' });
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
});

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
  });

  test('a second start of the program ends, and brings the first window to the front', async () => {
    const { window } = await started();
    fake.app.emit('second-instance');
    expect((window as unknown as { focus: ReturnType<typeof vi.fn> }).focus).toHaveBeenCalledOnce();
    expect(fake.windows).toHaveLength(1);
    fake.lock = false;
    const { ElectronShell } = await import('./shell.ts');
    await new ElectronShell({ root: '/', page, bundles: '/', workspace: '/' }).start();
    expect([fake.quits, fake.windows.length]).toEqual([1, 1]);
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
    expect(host.args.slice(0, 2)).toEqual([join('/bundles', 'electron-host.mjs'), ['/root', '/work space']]);
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
    expect(fake.hosts[1]?.kill).toHaveBeenCalledOnce();
    fake.hosts[1]?.emit('exit', 0);
    await vi.runAllTimersAsync();
    expect(fake.hosts).toHaveLength(2);
    vi.useRealTimers();
  });

  test('answers over a port that came before it was ready', async () => {
    const parent = new EventEmitter();
    const { port1, port2 } = new MessageChannel();
    const root = dirname(dirname(import.meta.dirname));
    process.env.RING0_STUDIO_DATA = join(folder, 'data');
    const running = runHost([root, folder], parent, (why) => expect.unreachable(why));
    parent.emit('message', { data: { kind: 'port' }, ports: [port1 as PortLike] });
    const client: StudioClient = createORPCClient(new RPCLink({ port: port2 }));
    port2.start();
    const end = await running;
    expect((await client.studio.info()).workspace.root).toBe(folder);
    const failures: string[] = [];
    await runHost([root, join(folder, 'none')], new EventEmitter(), (why) => failures.push(why));
    expect(failures).toEqual([expect.stringContaining('does not exist')]);
    port2.close();
    end?.();
    delete process.env.RING0_STUDIO_DATA;
  });
});

test('every item of the menu does something, by a command of the page or by itself', () => {
  const commands: string[] = [];
  const actions = { command: (id: string) => void commands.push(id), openFolder: () => void commands.push('folder') };
  const visit = (items: MenuItemConstructorOptions[]) => {
    for (const item of items) {
      if (Array.isArray(item.submenu)) visit(item.submenu);
      else if (item.type !== 'separator' && item.role === undefined) (item.click as () => void)();
    }
  };
  visit(menuTemplate(actions, 'linux'));
  expect(commands).toContain('machine.run');
  expect(commands).toContain('folder');
  expect(new Set(commands).size).toBe(commands.length);
});

describe('where the window was', () => {
  const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];
  const state = { x: 100, y: 50, width: 1000, height: 700, maximized: true };

  test('is where it is again', () => {
    const path = join(folder, 'state', 'window.json');
    expect(readWindowState(path, screens)).toEqual(FIRST_STATE);
    writeWindowState(path, state);
    expect(readWindowState(path, screens)).toEqual(state);
    writeFileSync(path, '{"width":1e9}');
    expect(readWindowState(path, screens)).toEqual(FIRST_STATE);
  });

  test('unless that screen is gone', () => {
    const placed = placeOnScreen({ ...state, x: 2500 }, screens);
    expect(placed).toEqual({ width: 1000, height: 700, maximized: true });
  });
});
