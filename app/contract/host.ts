import type { Disposable } from '../base/disposable.ts';
import type { Result } from '../base/result.ts';
import type { BuildService } from './build.ts';
import type { ChatService } from './chat.ts';
import type { DoctorService } from './doctor.ts';
import type { InspectService } from './inspect.ts';
import type { LanguageService } from './language.ts';
import type { MachineService } from './machine.ts';
import type { ModelService } from './model.ts';
import type { Profile, ProfileFile, ProfileListing, ProfileSourceText } from './profile.ts';
import type { SettingsService } from './settings.ts';
import type { TerminalService } from './terminal.ts';
import type { TrustService } from './trust.ts';
import type { WorkspaceService } from './workspace.ts';

export interface ProfileService {
  list(): Promise<ProfileListing[]>;
  /** By name, or by the path of a `.json` file. */
  load(nameOrPath: string): Promise<Result<Profile>>;
}

/** Profiles as files that a person edits. */
export interface ProfileEditing {
  /** The file itself, for editing. */
  source(name: string): Promise<Result<ProfileSourceText>>;
  /** What a file would come to. */
  check(name: string, file: ProfileFile): Promise<Result<Profile>>;
  /** Checks and writes. `expected` is the tag of what is replaced, null for a new profile; else an error `changed-meanwhile`. */
  save(name: string, file: ProfileFile, expected: string | null): Promise<Result<ProfileSourceText>>;
  /** Deletes what `expected` tags; refuses one that others extend. */
  remove(name: string, expected: string): Promise<Result<void>>;
  /** Moves what `expected` tags to another name; those that extend it follow. */
  rename(name: string, to: string, expected: string): Promise<Result<ProfileSourceText>>;
}

/** Everything but windows and terminals. `dispose` leaves no process behind. */
export interface ServiceHost extends Disposable {
  readonly doctor: DoctorService;
  readonly build: BuildService;
  readonly profiles: ProfileService & ProfileEditing;
  readonly machines: MachineService;
  readonly chat: ChatService;
  readonly models: ModelService;
  readonly inspect: InspectService;
}

/** What a window needs beside: a folder that is open, and what outlives the window. */
export interface StudioServices extends ServiceHost {
  readonly workspace: WorkspaceService;
  readonly language: LanguageService;
  readonly settings: SettingsService;
  readonly trust: TrustService;
  readonly terminals: TerminalService;
}
