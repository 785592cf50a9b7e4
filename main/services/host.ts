import { join } from 'node:path';
import { DisposableStore } from '../../app/base/disposable.ts';
import type { ServiceHost } from '../../app/contract/index.ts';
import { CargoBuild } from './build/index.ts';
import { ApiChat } from './chat/index.ts';
import { Doctor, findOvmf, qemuProgram } from './doctor/index.ts';
import { RamInspector } from './inspect/index.ts';
import { QemuMachines } from './machine/index.ts';
import { ModelLibrary, modelDirectory } from './models/index.ts';
import { DirectoryProfiles } from './profiles/index.ts';

export interface ServiceHostOptions {
  /** The repository. */
  readonly root: string;
  /** Where machines are registered; by default the user's own place. */
  readonly runRoot?: string | undefined;
  /** Where the model library is; by default `$RING0_MODELS` or the user's data directory. */
  readonly models?: string | undefined;
}

/** The composition root: the only place where services meet. */
export function createServiceHost(options: ServiceHostOptions): ServiceHost {
  const doctor = new Doctor(options.root);
  const profiles = new DirectoryProfiles(join(options.root, 'qemu-profiles'));
  const inspect = new RamInspector();
  const owned = new DisposableStore();
  const machines = owned.add(
    new QemuMachines({
      profiles,
      doctor,
      qemu: qemuProgram(),
      findOvmf,
      readEpitaph: (machine) => inspect.epitaph(machine),
      runRoot: options.runRoot,
    }),
  );
  return {
    doctor,
    build: new CargoBuild({ kernelRoot: join(options.root, 'kernel') }),
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
