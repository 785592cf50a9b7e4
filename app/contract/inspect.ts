import type { Result } from '../base/result.ts';
import type { InspectSource } from './inspect/source.ts';
import type { CodePlaces } from './places.ts';
import type { BootReport, BootTimeline, DriverRegistry, Epitaph, TraceSpans } from './records.ts';

export * from './inspect/source.ts';

/** Looks at a machine while it runs, without stopping it, or at a dump. One method a subject; each subject has a file under `inspect/`. */
export interface InspectService {
  /** The kernel's own records, through the symbols of its image. */
  boot(source: InspectSource): Promise<Result<BootReport>>;
  /** The boot report on one axis with what the host saw of the start. */
  timeline(source: InspectSource): Promise<Result<BootTimeline>>;
  trace(source: InspectSource): Promise<Result<TraceSpans>>;
  epitaph(source: InspectSource): Promise<Result<Epitaph>>;
  drivers(source: InspectSource): Promise<Result<DriverRegistry>>;
  /** Names and source of addresses of the kernel. `root` is the workspace; `returns`: they are return addresses. */
  places(
    source: InspectSource,
    addresses: readonly bigint[],
    root: string,
    returns: boolean,
  ): Promise<Result<CodePlaces>>;
}
