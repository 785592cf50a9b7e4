import { z } from 'zod';
import { HexSchema } from '../common.ts';
import { MAX_LOOK_BYTES, MemorySpaceSchema } from './memory.ts';
import { ArrayWindowSchema } from './symbol.ts';

/** A processor by its number: whose registers and tables are meant. */
export const processor = z.number().int().min(0).max(1023).default(0);
const tables = { processor, cr3: HexSchema.nullable().default(null) };
export const place = { space: MemorySpaceSchema, processor, address: HexSchema };

/** What is asked beside the machine or dump, of everything that can be looked at again and again. */
export const LOOK = {
  tables: { processor },
  walk: { address: HexSchema, ...tables },
  addressSpace: tables,
  memory: { ...place, size: z.number().int().min(1).max(MAX_LOOK_BYTES) },
  symbol: {
    name: z.string().min(1).max(512),
    type: z.string().max(512).nullable().default(null),
    processor,
    windows: z.array(ArrayWindowSchema).max(64).default([]),
  },
} as const;
