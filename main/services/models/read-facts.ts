import { open } from 'node:fs/promises';
import { messageOf } from '../../../app/base/result.ts';
import type { ModelFacts } from '../../../app/contract/index.ts';
import { modelFacts } from '../../../app/gguf/facts.ts';
import { readGgufHeader } from '../../../app/gguf/header.ts';

const FIRST_BYTES = 1 << 20;
/** A header is a vocabulary and a list of tensors; the largest known have some 20 MiB. */
const MAX_HEADER_BYTES = 128 << 20;

export type FactsOutcome =
  | { readonly facts: ModelFacts; readonly sizeBytes: number }
  | { readonly problem: string; readonly sizeBytes: number };

/** Reads as much of a GGUF file as its header needs. */
export async function readFacts(path: string): Promise<FactsOutcome> {
  let sizeBytes = 0;
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat();
      sizeBytes = stat.size;
      if (!stat.isFile()) return { problem: 'it is not a file', sizeBytes };
      for (let wanted = FIRST_BYTES; ; wanted *= 4) {
        const bytes = new Uint8Array(Math.min(wanted, sizeBytes));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
        const outcome = readGgufHeader(bytes.subarray(0, bytesRead), sizeBytes);
        if (outcome.kind === 'header') return { facts: modelFacts(outcome.header), sizeBytes };
        if (outcome.kind === 'bad') return { problem: `at byte ${outcome.offset}: ${outcome.rule}`, sizeBytes };
        if (wanted >= MAX_HEADER_BYTES)
          return { problem: `its header has more than ${MAX_HEADER_BYTES >> 20} MiB`, sizeBytes };
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    return { problem: messageOf(error), sizeBytes };
  }
}
