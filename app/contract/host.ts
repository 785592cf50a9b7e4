import type { Disposable } from '../base/disposable.ts';
import type { Result } from '../base/result.ts';
import type { BuildService } from './build.ts';
import type { ChatService } from './chat.ts';
import type { DoctorService } from './doctor.ts';
import type { InspectService } from './inspect.ts';
import type { MachineService } from './machine.ts';
import type { ModelService } from './model.ts';
import type { Profile, ProfileListing } from './profile.ts';

export interface ProfileService {
  list(): Promise<ProfileListing[]>;
  /** By name, or by the path of a `.json` file. */
  load(nameOrPath: string): Promise<Result<Profile>>;
}

/** Everything but windows and terminals. `dispose` leaves no process behind. */
export interface ServiceHost extends Disposable {
  readonly doctor: DoctorService;
  readonly build: BuildService;
  readonly profiles: ProfileService;
  readonly machines: MachineService;
  readonly chat: ChatService;
  readonly models: ModelService;
  readonly inspect: InspectService;
}
