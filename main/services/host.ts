import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DisposableStore } from '../../app/base/disposable.ts';
import { ok, type Result } from '../../app/base/result.ts';
import type { ServiceHost, StudioServices } from '../../app/contract/index.ts';
import { CargoBuild } from './build/index.ts';
import { ApiChat } from './chat/index.ts';
import { Doctor, findOvmf, findRustAnalyzer, INSTALL_RUST_ANALYZER, qemuProgram } from './doctor/index.ts';
import { Inspector } from './inspect/index.ts';
import { RustLanguage } from './language/index.ts';
import { QemuMachines } from './machine/index.ts';
import { ModelLibrary, modelDirectory } from './models/index.ts';
import { DirectoryProfiles } from './profiles/index.ts';
import { StoredSettings } from './settings/index.ts';
import { studioDirectory, workspaceKey } from './settings/places.ts';
import { FolderTrust } from './settings/trust.ts';
import { Terminals } from './terminal/index.ts';
import { trustedBuild } from './trusted-build.ts';
import { FolderWorkspace } from './workspace/index.ts';

export interface ServiceHostOptions {
  /** The repository. */
  readonly root: string;
  /** The kernel's Cargo workspace; by default the repository's. */
  readonly kernelRoot?: string | undefined;
  /** Where machines are registered; by default the user's own place. */
  readonly runRoot?: string | undefined;
  /** Where the model library is; by default `$RING0_MODELS` or the user's data directory. */
  readonly models?: string | undefined;
}

/** The composition root: the only place where services meet. */
export function createServiceHost(options: ServiceHostOptions): ServiceHost {
  const doctor = new Doctor(options.root);
  const profiles = new DirectoryProfiles(join(options.root, 'qemu-profiles'));
  const owned = new DisposableStore();
  const inspect = owned.add(
    new Inspector({
      ask: (machine, command, args) => machines.query(machine, command, args),
      hold: (machine) => machines.hold(machine),
    }),
  );
  const machines: QemuMachines = owned.add(
    new QemuMachines({
      profiles,
      doctor,
      qemu: qemuProgram(),
      findOvmf,
      readEpitaph: (machine) => inspect.epitaph({ machine }),
      runRoot: options.runRoot,
    }),
  );
  return {
    doctor,
    build: new CargoBuild({ kernelRoot: options.kernelRoot ?? join(options.root, 'kernel') }),
    profiles,
    machines,
    chat: new ApiChat(inspect),
    models: new ModelLibrary({
      directory: options.models ?? modelDirectory(),
      demo: join(options.root, 'kernel', 'demo', 'ring0-demo-q8_0.gguf'),
    }),
    inspect,
    dispose: () => owned.dispose(),
  };
}

export interface StudioServicesOptions extends ServiceHostOptions {
  /** The folder that is open; by default the repository. */
  readonly workspace?: string | undefined;
  /** Where settings, layouts, backups and the trash are; by default the user's data directory. */
  readonly data?: string | undefined;
  /** The bundle that holds pseudo-terminals (main/cli/bundle.mjs makes it); by default where the launcher puts it. */
  readonly ptyHost?: string | undefined;
}

/** The services of a window: those of the command line, a folder, and a memory. */
export async function createStudioServices(options: StudioServicesOptions): Promise<Result<StudioServices>> {
  const data = options.data ?? studioDirectory();
  const folder = options.workspace ?? options.root;
  const workspaceDirectory = join(data, 'workspaces', workspaceKey(folder));
  const workspace = await FolderWorkspace.open({ root: folder, trash: join(workspaceDirectory, 'trash') });
  if (!workspace.ok) return workspace;
  const settings = new StoredSettings({ directory: data, workspaceDirectory });
  const { root } = workspace.value.info;
  const language = new RustLanguage({
    root,
    find: () => findRustAnalyzer(root),
    installation: INSTALL_RUST_ANALYZER,
  });
  const { rustAnalyzer, workspaceTrust } = (await settings.get()).settings;
  const kernelRoot = options.kernelRoot ?? kernelIn(folder);
  const trust = await FolderTrust.open({
    path: join(workspaceDirectory, 'trust.json'),
    own: root === realpathSync(options.root),
    asks: workspaceTrust,
    restrictsBuild: kernelRoot !== undefined,
  });
  language.setEnabled(rustAnalyzer);
  language.setTrusted(trust.trust.kind === 'trusted');
  const host = createServiceHost({ ...options, kernelRoot });
  const terminals = new Terminals({
    directory: folder,
    ptyHost: options.ptyHost ?? join(options.root, 'dist', 'pty-host.mjs'),
  });
  const owned = new DisposableStore();
  for (const it of [workspace.value, settings, trust, language, host, terminals]) owned.add(it);
  owned.add(trust.onDidChange(({ kind }) => language.setTrusted(kind === 'trusted')));
  owned.add(
    settings.onDidChange((report) => {
      trust.setAsks(report.settings.workspaceTrust);
      language.setEnabled(report.settings.rustAnalyzer);
    }),
  );
  return ok({
    ...host,
    build: trustedBuild(host.build, trust),
    workspace: workspace.value,
    settings,
    trust,
    language,
    terminals,
    dispose: () => owned.dispose(),
  });
}

/** The kernel that a folder brings: a clone of this repository builds what it shows, not what lies elsewhere. */
function kernelIn(folder: string): string | undefined {
  const kernel = join(folder, 'kernel');
  return existsSync(join(kernel, 'ring0', 'Cargo.toml')) ? kernel : undefined;
}
