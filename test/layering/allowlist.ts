/** What every pane of the page may use. Panes do not see each other: they meet in the workbench's registries and in the stores. */
const PANE = [
  'app',
  'renderer/host',
  'renderer/state',
  'renderer/workbench',
  'renderer/widgets',
  'renderer/inspect',
  'renderer/editors',
  'renderer/editors/terminal',
  'renderer/theme',
  'npm:react',
  'npm:zustand',
  'npm:zod',
] as const;

/**
 * Who may import whom. A folder imports itself and what its row names, nothing else; a folder without a row may not exist.
 * `x/*` stands for each folder in x by itself: neighbours do not see each other. `node` is Node's own modules,
 * `npm:name` a package; a file that needs what its folder must not have is a row of its own. Type-only imports count: they are how layers come to know each other.
 *
 * Technical debt is listed here too, with its reason, under DEBT.
 */
export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'app/base': [],
  'app/contract': ['app/base', 'npm:zod', 'npm:@orpc/contract', 'npm:@orpc/client'],
  'app/wire': ['app/base', 'app/contract', 'app/pci', 'npm:zod'],
  'app/gguf': ['app/base', 'app/contract'],
  'app/machine': ['app/base', 'app/contract', 'app/pci', 'app/wire', 'npm:zod'],
  'app/symbols': ['app/base', 'app/contract'],
  'app/text': [],
  'app/trace': ['app/base', 'app/contract'],
  'app/acpi': ['app/base'],
  'app/pci': ['app/base'],
  // Decoders of what a machine shows give the views of the contract; interrupt controllers are what QEMU's text says of them.
  'app/x86': ['app/base', 'app/contract', 'app/pci', 'app/wire'],
  'app/virtio': ['app/base', 'app/contract', 'app/pci', 'npm:zod'],
  'main/process': ['app/base', 'app/contract', 'node'],
  // Services are independent of each other: they meet in the files directly in main/services and nowhere else.
  'main/services/*': ['app', 'main/process', 'node', 'npm:zod', 'npm:js-fatfs', 'npm:@vscode/ripgrep-universal'],
  'main/services': ['app', 'main/process', 'main/services/*', 'node'],
  'main/rpc': ['app', 'main/services', 'node', 'npm:@orpc/server'],
  'main/server': ['app', 'main/process', 'main/rpc', 'node', 'npm:ws'],
  // Windows, menus and dialogs: everything else is in the service host, which knows nothing of Electron.
  'main/electron': ['app', 'main/rpc', 'main/server', 'node', 'npm:electron', 'npm:zod'],
  'main/cli': ['app', 'main/process', 'main/rpc', 'main/server', 'main/services', 'main/setup', 'node', 'npm:esbuild'],
  'main/setup': ['node'],
  // The page knows the core and the contract. It never sees main/, and has no Node: what it wants of the host it asks over the wire.
  renderer: ['renderer/panes', 'renderer/workbench', 'renderer/theme', 'npm:react', 'npm:react-dom', 'npm:zod'],
  'renderer/vite.config.ts': ['node', 'npm:vite', 'npm:@vitejs/plugin-react'],
  // Builds the page in memory and weighs it.
  'renderer/sizes.mjs': ['node', 'npm:vite'],
  'renderer/host': ['app', 'npm:@orpc/client', 'npm:zustand', 'npm:zod'],
  // Stores know no component and no workbench: whatever is shown can be shown in another way.
  'renderer/state': ['app', 'renderer/host', 'npm:zustand', 'npm:zod'],
  // Drawn from their props alone; the kinds of things they draw are the core's.
  'renderer/widgets': ['app', 'npm:react'],
  'renderer/theme': [],
  // What the panes share that look into machines and dumps.
  'renderer/inspect': ['app', 'renderer/host', 'renderer/state', 'renderer/workbench', 'renderer/widgets', 'npm:react'],
  // Nobody else imports Monaco or xterm; who imports this does so when the window is drawn, for it is most of the page's weight.
  'renderer/editors': [
    'app',
    'renderer/host',
    'renderer/state',
    'renderer/workbench',
    'renderer/widgets',
    'renderer/theme',
    'npm:react',
    'npm:monaco-editor',
  ],
  'renderer/editors/terminal': [
    'app',
    'renderer/theme',
    'renderer/widgets',
    'npm:react',
    'npm:@xterm/xterm',
    'npm:@xterm/addon-*',
  ],
  'renderer/workbench': [
    'app',
    'renderer/host',
    'renderer/state',
    'renderer/widgets',
    'renderer/editors',
    'renderer/editors/terminal',
    'npm:react',
    'npm:zustand',
    'npm:dockview-react',
  ],
  'renderer/panes': ['renderer/panes/*'],
  'renderer/panes/*': PANE,
  'renderer/panes/chat': [...PANE, 'npm:react-markdown', 'npm:remark-gfm'],
};

/** Tests may use these on top of their folder's row. */
export const ALLOWED_IN_TESTS: readonly string[] = ['npm:vitest', 'node', 'test/support', 'app/base', 'app/contract'];

/** Imports that break the rules and are known to: `from -> to`. Each needs a reason, and the day it goes it is removed. */
export const DEBT: readonly string[] = [];
