import type { Result } from '../base/result.ts';
import type { MachineInfo } from './machine.ts';
import type { CodePlaces } from './places.ts';
import type { BootReport, BootTimeline, DriverRegistry, Epitaph, TraceSpans } from './records.ts';

/** Reads the kernel's records out of guest RAM while the guest runs; never stops it. */
export interface InspectService {
  boot(machine: MachineInfo): Promise<Result<BootReport>>;
  /** The boot report on one axis with what the host saw of the start. */
  timeline(machine: MachineInfo): Promise<Result<BootTimeline>>;
  trace(machine: MachineInfo): Promise<Result<TraceSpans>>;
  epitaph(machine: MachineInfo): Promise<Result<Epitaph>>;
  drivers(machine: MachineInfo): Promise<Result<DriverRegistry>>;
  /** Names and source of addresses of the kernel. `root` is the workspace; `returns`: they are return addresses. */
  places(
    machine: MachineInfo,
    addresses: readonly bigint[],
    root: string,
    returns: boolean,
  ): Promise<Result<CodePlaces>>;
}
