import type { Disposable } from '../../../app/base/disposable.ts';
import { ok, type Result } from '../../../app/base/result.ts';
import type {
  BootReport,
  BootTimeline,
  CodePlaces,
  DriverRegistry,
  Epitaph,
  InspectService,
  InspectSource,
  TraceSpans,
} from '../../../app/contract/index.ts';
import { readPlaces } from './code-places.ts';
import type { Ask } from './live-target.ts';
import { readBootReport, readDrivers, readEpitaph, readTimeline, readTrace } from './records.ts';
import { InspectTargets } from './targets.ts';

/** Looks at machines and dumps: one file a subject, which is given an open target. */
export class Inspector implements InspectService, Disposable {
  readonly #targets: InspectTargets;

  /** @param ask `QemuMachines.query` */
  constructor(ask: Ask) {
    this.#targets = new InspectTargets(ask);
  }

  boot(source: InspectSource): Promise<Result<BootReport>> {
    return this.#targets.use(source, readBootReport);
  }

  timeline(source: InspectSource): Promise<Result<BootTimeline>> {
    return this.#targets.use(source, readTimeline);
  }

  trace(source: InspectSource): Promise<Result<TraceSpans>> {
    return this.#targets.use(source, readTrace);
  }

  epitaph(source: InspectSource): Promise<Result<Epitaph>> {
    return this.#targets.use(source, readEpitaph);
  }

  drivers(source: InspectSource): Promise<Result<DriverRegistry>> {
    return this.#targets.use(source, readDrivers);
  }

  async places(
    source: InspectSource,
    addresses: readonly bigint[],
    root: string,
    returns: boolean,
  ): Promise<Result<CodePlaces>> {
    const startedAt = 'machine' in source ? source.machine.startedAt : null;
    const image = await this.#targets.image(source);
    return image.ok ? ok(readPlaces(image.value, startedAt, addresses, root, returns)) : image;
  }

  dispose(): void {
    this.#targets.dispose();
  }
}
