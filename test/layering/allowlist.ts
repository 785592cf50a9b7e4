/**
 * Who may import whom. A folder imports itself and what its row names, nothing else; a folder without a row may not exist.
 * `x/*` stands for each folder in x by itself: neighbours do not see each other. `node` is Node's own modules,
 * `npm:name` a package. Type-only imports count: they are how layers come to know each other.
 *
 * Technical debt is listed here too, with its reason, under DEBT.
 */
export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'app/base': [],
  'app/contract': ['app/base', 'npm:zod', 'npm:@orpc/contract'],
  'app/wire': ['app/base', 'app/contract'],
  'app/gguf': ['app/base', 'app/contract'],
  'app/machine': ['app/base', 'app/contract', 'app/wire', 'npm:zod'],
  'app/trace': ['app/base', 'app/contract'],
  'app/x86': ['app/base'],
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
};

/** Tests may use these on top of their folder's row. */
export const ALLOWED_IN_TESTS: readonly string[] = ['npm:vitest', 'node', 'test/support', 'app/base', 'app/contract'];

/** Imports that break the rules and are known to: `from -> to`. Each needs a reason, and the day it goes it is removed. */
export const DEBT: readonly string[] = [];
