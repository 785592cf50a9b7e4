import { z } from 'zod';
import { applyChanges, type Change, valueAt } from '../../base/change.ts';
import { AppErrorSchema, EpochMsSchema } from '../common.ts';
import { CpuViewSchema } from './cpu.ts';
import { IrqViewSchema } from './irq.ts';
import { MemoryViewSchema } from './memory.ts';
import { AddressSpaceSchema, PageWalkSchema } from './paging.ts';
import { LOOK } from './questions.ts';
import { SymbolValueSchema } from './symbol.ts';
import { TablesViewSchema } from './tables.ts';

/** A question that can be asked again and again, by the name of its procedure. */
export const LookSchema = z.discriminatedUnion('of', [
  z.strictObject({ of: z.literal('cpu') }),
  z.strictObject({ of: z.literal('tables'), ...LOOK.tables }),
  z.strictObject({ of: z.literal('irq') }),
  z.strictObject({ of: z.literal('walk'), ...LOOK.walk }),
  z.strictObject({ of: z.literal('addressSpace'), ...LOOK.addressSpace }),
  z.strictObject({ of: z.literal('memory'), ...LOOK.memory }),
  z.strictObject({ of: z.literal('symbol'), ...LOOK.symbol }),
]);
export type Look = z.infer<typeof LookSchema>;

/** What the answers are. */
const ANSWERS = {
  cpu: CpuViewSchema,
  tables: TablesViewSchema,
  irq: IrqViewSchema,
  walk: PageWalkSchema,
  addressSpace: AddressSpaceSchema,
  memory: MemoryViewSchema,
  symbol: SymbolValueSchema,
} as const;
export type Looked<L extends Look> = z.infer<(typeof ANSWERS)[L['of']]>;

/** Looks a second; null looks once. */
export const PaceSchema = z.number().min(0.1).max(60).nullable();

/**
 * What a watcher is told: the first answer whole, then only what has changed. After a change the first look without one is told of, so
 * that marks can go; else, that nothing has changed, once a second. `at`: milliseconds since 1970.
 */
export const WatchEventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('whole'), at: EpochMsSchema, value: z.unknown() }),
  z.object({
    kind: z.literal('changed'),
    at: EpochMsSchema,
    changes: z.array(z.object({ path: z.array(z.union([z.string(), z.number().int()])), value: z.unknown() })),
  }),
  z.object({ kind: z.literal('same'), at: EpochMsSchema }),
  z.object({ kind: z.literal('failed'), at: EpochMsSchema, error: AppErrorSchema }),
]);
export type WatchEvent = z.infer<typeof WatchEventSchema>;

/** A whole answer, held against the contract; throws where it does not fit. */
export function wholeAnswer<L extends Look>(look: L, value: unknown): Looked<L> {
  ANSWERS[look.of].parse(value);
  // As it came, not as the schema copies it: changes are of what the host has.
  return value as Looked<L>;
}

/** The answer after changes, of which only what has changed is held against the contract. Throws where something does not fit. */
export function changedAnswer<L extends Look>(look: L, before: Looked<L>, changes: readonly Change[]): Looked<L> {
  const after = applyChanges(before, changes);
  if (after === null) throw new Error('a change is of something that is not there');
  for (const { path } of changes) {
    // Where the contract knows no schema of a place by itself, what is around it is checked.
    let schema: z.ZodType = ANSWERS[look.of];
    let known = 0;
    for (const key of path) {
      const inner = within(schema, key);
      if (inner === undefined) break;
      schema = inner;
      known += 1;
    }
    schema.parse(valueAt(after.value, path.slice(0, known)));
  }
  return after.value as Looked<L>;
}

/** The schema of a member; undefined where that depends on other members. */
function within(schema: z.ZodType, key: string | number): z.ZodType | undefined {
  if (schema instanceof z.ZodLazy || schema instanceof z.ZodNullable) return within(schema.unwrap() as z.ZodType, key);
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
    return Object.hasOwn(shape, key) ? shape[key] : undefined;
  }
  return schema instanceof z.ZodArray && typeof key === 'number' ? (schema.element as z.ZodType) : undefined;
}
