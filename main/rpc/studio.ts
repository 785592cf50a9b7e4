import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Disposable, DisposableStore } from '../../app/base/disposable.ts';
import { ok, type Result } from '../../app/base/result.ts';
import { createStudioServices, type StudioServicesOptions } from '../services/host.ts';
import { createStudioRouter, type StudioRouter } from './router.ts';

/** Services and what answers for them. `dispose` leaves no process behind. */
export interface Studio extends Disposable {
  readonly router: StudioRouter;
}

export interface StudioOptions extends StudioServicesOptions {
  /** By default that of the package.json in `root`. */
  readonly version?: string | undefined;
}

/** The service host of either shell. */
export async function createStudio(options: StudioOptions): Promise<Result<Studio>> {
  const services = await createStudioServices(options);
  if (!services.ok) return services;
  const owned = new DisposableStore();
  owned.add(services.value);
  const router = owned.add(createStudioRouter(services.value, { version: options.version ?? versionOf(options.root) }));
  return ok({ router, dispose: () => owned.dispose() });
}

function versionOf(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
}
