import type { Disposable } from '../base/disposable.js';
import type { Result } from '../base/result.js';
import type { BuildService } from './build.js';
import type { ChatService } from './chat.js';
import type { DoctorService } from './doctor.js';
import type { InspectService } from './inspect.js';
import type { MachineService } from './machine.js';
import type { ModelService } from './model.js';
import type { Profile, ProfileListing } from './profile.js';

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
