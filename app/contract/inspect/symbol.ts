import { z } from 'zod';
import { HexSchema } from '../common.ts';

/** A value in memory as its type says: what `ring0 inspect symbol` shows. */
export interface TypedValue {
  /** Field, index or variant; empty at the root. */
  readonly name: string;
  readonly type: string;
  /** Offset from the root, and size, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly address: string;
  readonly kind:
    | 'number'
    | 'bool'
    | 'char'
    | 'text'
    | 'pointer'
    | 'struct'
    | 'array'
    | 'enum'
    | 'union'
    | 'opaque'
    | 'absent';
  /** The value on one line. */
  readonly text: string;
  /** Of a pointer: where it leads. */
  readonly target: string | null;
  /** Of a pointer: the path of the type that it leads to, where that has one; for laying it over `target`. */
  readonly pointee: string | null;
  readonly children: readonly TypedValue[];
  /** Children that were left out. */
  readonly omitted: number;
}

export const TypedValueSchema: z.ZodType<TypedValue> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    offset: z.number(),
    bytes: z.number(),
    address: HexSchema,
    kind: z.enum(['number', 'bool', 'char', 'text', 'pointer', 'struct', 'array', 'enum', 'union', 'opaque', 'absent']),
    text: z.string(),
    target: HexSchema.nullable(),
    pointee: z.string().nullable(),
    children: z.array(TypedValueSchema),
    omitted: z.number(),
  }),
);

/**
 * With which element an array begins that is too long to be shown whole; its elements are named by their numbers. An array is known by
 * where it lies in the value and by its size, in bytes.
 */
export const ArrayWindowSchema = z.strictObject({
  offset: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  first: z.number().int().nonnegative(),
});
export type ArrayWindow = z.infer<typeof ArrayWindowSchema>;

export const SymbolValueSchema = z.object({
  name: z.string(),
  type: z.string(),
  address: HexSchema,
  bytes: z.number(),
  value: TypedValueSchema,
  /** The bytes changed while they were read. */
  torn: z.boolean(),
});
export type SymbolValue = z.infer<typeof SymbolValueSchema>;

/** A static that has a type, or (without an address) a type. */
export const TypedSymbolSchema = z.object({
  name: z.string(),
  type: z.string(),
  address: HexSchema.nullable(),
  bytes: z.number(),
});
export type TypedSymbol = z.infer<typeof TypedSymbolSchema>;
