import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { Profile, ProfileService, StartRequest } from '../../../app/contract/index.ts';
import { memoryFor } from '../../../app/machine/memory.ts';
import { checkProfile } from '../../../app/machine/profile.ts';
import { uefiFiles, writeFatDisk } from './uefi-disk.ts';

/** UEFI firmware: code, and a template of its variables. */
export interface Ovmf {
  readonly code: string;
  readonly vars: string;
}

/** A start with everything checked that can be checked before anything is made. */
export interface SettledStart {
  readonly profile: Profile;
  readonly elfPath: string;
  readonly initrdPath: string | null;
  readonly commandLine: string;
  readonly modelPath: string | null;
  /** Set if the guest gets more RAM than its profile says. */
  readonly memoryNote: string | null;
}

/** Resolves the profile, lays the request over it, and checks that the files are there. */
export async function settleStart(request: StartRequest, profiles: ProfileService): Promise<Result<SettledStart>> {
  const loaded = typeof request.profile === 'string' ? await profiles.load(request.profile) : ok(request.profile);
  if (!loaded.ok) return loaded;
  const base = loaded.value;
  const elfPath = request.elfPath ?? base.kernel ?? '';
  const elf = await fileSize(elfPath, 'kernel', 'Build it: `ring0 build`.');
  if (!elf.ok) return elf;
  const initrdPath = request.initrdPath ?? (request.elfPath === undefined ? base.initrd : null);
  const initrd =
    initrdPath === null ? ok(0) : await fileSize(initrdPath, 'initial RAM disk', 'Check the path, or leave it out.');
  if (!initrd.ok) return initrd;
  if (base.firmware === 'ovmf') {
    const efi = await fileSize(request.efiPath ?? '', 'UEFI kernel image', 'Build it: `ring0 build`.');
    if (!efi.ok) return efi;
  }
  const model =
    request.modelPath === undefined
      ? ok(0)
      : await fileSize(request.modelPath, 'model', 'Check the path; `ring0 model list` shows what there is.');
  if (!model.ok) return model;
  const needed = memoryFor(base.memoryMiB, model.value);
  const memoryMiB = request.memoryMiB ?? needed;
  const profile = checkProfile(
    {
      ...base,
      cores: request.cores ?? base.cores,
      accelerator: request.accelerator ?? base.accelerator,
      memoryMiB,
      forwards: request.port === undefined ? base.forwards : withApiPort(base.forwards, request.port),
    },
    `profile ${base.name}`,
  );
  if (!profile.ok) return profile;
  return ok({
    profile: profile.value,
    elfPath,
    initrdPath,
    commandLine: [base.append, request.append ?? '']
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .join(' '),
    modelPath: base.block === 'none' ? null : (request.modelPath ?? null),
    memoryNote:
      memoryMiB > base.memoryMiB && request.memoryMiB === undefined
        ? `the model needs more RAM than the profile's ${base.memoryMiB} MiB: ${memoryMiB} MiB`
        : null,
  });
}

/** The port on which the kernel serves its API. */
export const API_PORT = 8080;

function withApiPort(forwards: Profile['forwards'], port: number): Profile['forwards'] {
  return [...forwards.filter((forward) => forward.guest !== API_PORT), { host: port, guest: API_PORT }];
}

async function fileSize(path: string, what: string, fix: string): Promise<Result<number>> {
  try {
    const { size } = await stat(path);
    return ok(size);
  } catch (error) {
    return fail('file-not-found', `The ${what} is not there.`, messageOf(error), fix);
  }
}

/** Makes the disk from which OVMF starts the kernel. */
export async function makeUefiDisk(efiPath: string, commandLine: string, directory: string): Promise<Result<string>> {
  const disk = join(directory, 'esp.img');
  try {
    await writeFatDisk(disk, uefiFiles(await readFile(efiPath), commandLine));
    return ok(disk);
  } catch (error) {
    return fail(
      'no-uefi-disk',
      'The disk for UEFI cannot be made.',
      messageOf(error),
      `Check that ${directory} has 64 MiB left, and build the kernel again.`,
    );
  }
}
