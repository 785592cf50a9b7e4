import { z } from 'zod';
import { ProfileFileSchema } from '../../../app/contract/profile.ts';
import type { ProfileField } from '../../../app/machine/profile-draft.ts';

/** `path` is a text that may also be nothing. */
export type FieldKind = 'choice' | 'number' | 'text' | 'path' | 'forwards' | 'words';

export interface FieldInfo {
  readonly title: string;
  readonly description: string;
  readonly kind: FieldKind;
  readonly choices: readonly string[];
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

const TITLES: Readonly<Record<string, string>> = {
  memoryMiB: 'Memory, MiB',
  cpu: 'CPU model',
  append: 'Kernel command line',
  ram: 'RAM',
  initrd: 'Initial RAM disk',
  block: 'Disk',
  forwards: 'Port forwards',
  extraArgs: 'More QEMU arguments',
};

/** All fields of the schema that can be inherited, in the order of the form. */
export const FIELD_GROUPS: readonly { readonly title: string; readonly fields: readonly ProfileField[] }[] = [
  { title: 'Machine', fields: ['description', 'machine', 'accelerator', 'cpu', 'cores', 'memoryMiB', 'ram'] },
  { title: 'Boot', fields: ['firmware', 'append', 'kernel', 'initrd'] },
  { title: 'Devices', fields: ['block', 'network', 'forwards', 'display', 'extraArgs'] },
];

const PropertySchema = z.object({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  description: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  anyOf: z.array(z.object({ type: z.string() })).optional(),
  items: z.object({ type: z.string() }).optional(),
});

let properties: Record<string, z.infer<typeof PropertySchema>> | undefined;

/** What the schema says of a field: the form and the files' own JSON Schema cannot disagree. */
export function fieldInfo(field: ProfileField | 'extends'): FieldInfo {
  properties ??= z
    .object({ properties: z.record(z.string(), PropertySchema) })
    .parse(z.toJSONSchema(ProfileFileSchema, { io: 'input' })).properties;
  const { type, description, minimum, maximum, items, ...rest } = properties[field] ?? {};
  const title = TITLES[field] ?? `${field.charAt(0).toUpperCase()}${field.slice(1)}`;
  const common = {
    title,
    description: (description ?? '').replaceAll('`', ''),
    minimum,
    maximum,
    choices: rest.enum ?? [],
  };
  if (rest.enum !== undefined) return { ...common, kind: 'choice' };
  if (type === 'integer') return { ...common, kind: 'number' };
  if (type === 'array') return { ...common, kind: items?.type === 'object' ? 'forwards' : 'words' };
  return { ...common, kind: rest.anyOf === undefined ? 'text' : 'path' };
}
