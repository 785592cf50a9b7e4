import { z } from 'zod';

/**
 * A machine profile. The file may leave out any field that it inherits through `extends` or takes from the defaults; a
 * `Profile` has them all. Profiles travel with repositories and are hostile input: nothing in one may name a host file outside of its
 * own project or run a host program.
 */

export const AcceleratorSchema = z.enum(['tcg', 'kvm', 'hvf', 'whpx']);
export type Accelerator = z.infer<typeof AcceleratorSchema>;

/** Names of profiles: also their file names, and part of run ids. */
export const ProfileNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits and dashes');

/** A whole number in a range, with one sentence for whatever is wrong with it. */
function whole(minimum: number, maximum: number) {
  const rule = `must be a whole number from ${minimum} to ${maximum}`;
  return z.number(rule).int(rule).min(minimum, rule).max(maximum, rule);
}

const PortSchema = whole(1, 65535);

/** Kernel command line: one line of printable ASCII. */
export const CommandLineSchema = z
  .string()
  .max(1024)
  .regex(/^[\x20-\x7e]*$/, 'must be one line of printable ASCII');

/** Host port 0 means: any free port. The host side is always 127.0.0.1. */
export const ForwardSchema = z.strictObject({
  host: whole(0, 65535).describe('Port on 127.0.0.1; 0 takes any free one.'),
  guest: PortSchema.describe('TCP port in the guest.'),
});

export const DeviceKindSchema = z.enum(['modern', 'transitional', 'none']);

/** A file of the profile's own project: relative to the profile, and where links lead it must still be in the project. */
const ProjectFileSchema = z
  .string()
  .max(512)
  .regex(/^[A-Za-z0-9_.+~@-]+(\/[A-Za-z0-9_.+~@-]+)*$/, 'must be a relative path of plain characters');

const fields = {
  description: z.string().max(200).describe('One line for a list of profiles.'),
  machine: z.enum(['q35', 'pc', 'microvm']).describe('QEMU machine type.'),
  accelerator: z
    .enum(['auto', ...AcceleratorSchema.options])
    .describe('`auto` takes the first that really boots a guest, TCG at last.'),
  cpu: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.+,=-]{0,199}$/, 'must be a QEMU CPU model, such as max or Haswell,+avx2')
    .describe('QEMU CPU model; `max` is the host itself under KVM.'),
  cores: whole(1, 64).describe('Virtual processors.'),
  memoryMiB: whole(32, 1_048_576).describe('Guest RAM in MiB.'),
  ram: z
    .enum(['shared', 'private'])
    .describe(
      "shared: RAM is a file that the studio reads along; private: it is QEMU's own, and QEMU is asked for it.",
    ),
  firmware: z.enum(['pvh', 'ovmf']).describe('pvh: QEMU loads the kernel itself; ovmf: UEFI starts it from a disk.'),
  append: CommandLineSchema.describe('Kernel command line.'),
  block: DeviceKindSchema.describe('The model disk: virtio 1.x, transitional, or none.'),
  network: DeviceKindSchema.describe('The network card: virtio 1.x, transitional, or none.'),
  display: z.enum(['none']).describe('The console is the serial port.'),
  forwards: z.array(ForwardSchema).max(16).describe('TCP ports of the guest that the host can reach.'),
  extraArgs: z.array(z.string().max(500)).max(64).describe('More QEMU arguments, from a list of harmless ones.'),
};

/** The content of a profile file. */
export const ProfileFileSchema = z.strictObject({
  $schema: z.string().optional(),
  extends: ProfileNameSchema.optional().describe('Profile whose fields this one starts from.'),
  ...z.object(fields).partial().shape,
  kernel: ProjectFileSchema.nullable()
    .optional()
    .describe(
      'Kernel to boot in place of the one built here: a PVH or Multiboot ELF, or a Linux bzImage. A path from the folder of this profile, inside the project.',
    ),
  initrd: ProjectFileSchema.nullable().optional().describe('Initial RAM disk of that kernel, found in the same way.'),
});
export type ProfileFile = z.infer<typeof ProfileFileSchema>;

/** A profile with every field filled. */
export const ProfileSchema = z.strictObject({
  name: ProfileNameSchema,
  ...fields,
  /** Whole paths; null boots the kernel that the start brings. */
  kernel: z.string().max(4096).nullable(),
  initrd: z.string().max(4096).nullable(),
});
export type Profile = z.infer<typeof ProfileSchema>;

/** One line of `profiles.list()`: a profile that does not load is listed too, with its error. */
export const ProfileListingSchema = z.object({
  name: z.string(),
  path: z.string(),
  description: z.string(),
  error: z.string().nullable(),
  /** It boots a kernel of its own, so that nothing is to be built. */
  foreign: z.boolean(),
});
export type ProfileListing = z.infer<typeof ProfileListingSchema>;

/** A profile file, and the tag that says whether somebody else has changed it since. */
export const ProfileSourceTextSchema = z.object({
  name: ProfileNameSchema,
  path: z.string(),
  file: ProfileFileSchema,
  text: z.string(),
  etag: z.string().max(128),
});
export type ProfileSourceText = z.infer<typeof ProfileSourceTextSchema>;
