import { closeSync, openSync, writeSync } from 'node:fs';
import { isCancelled } from '../../../app/base/cancel.ts';
import { fail, messageOf, ok, type Result } from '../../../app/base/result.ts';
import type { DumpOptions } from '../../../app/contract/index.ts';
import { coreHead } from '../../../app/wire/core-file-write.ts';
import type { ProcessorRegisters } from '../../../app/wire/qemu-registers.ts';
import { cancelled } from '../../process/index.ts';
import type { InspectTarget } from './target.ts';

const PIECE_BYTES = 1 << 20;

/** Writes an ELF core into `path`, an empty file, of memory that is asked for piece by piece: where QEMU cannot be told to write one. */
export async function copyMemory(
  target: InspectTarget,
  processors: readonly ProcessorRegisters[],
  path: string,
  { signal, onProgress }: DumpOptions,
): Promise<Result<void>> {
  const head = coreHead(processors, target.regions);
  if (head === undefined) return unwritten(`${target.regions.length} pieces of RAM are more than a core can list`);
  const total = Number(target.regions.reduce((sum, { bytes }) => sum + bytes, 0n));
  let done = 0;
  const file = openSync(path, 'w');
  try {
    writeWhole(file, head);
    for (const { start, bytes } of target.regions) {
      for (let at = 0n; at < bytes; at += BigInt(PIECE_BYTES)) {
        if (isCancelled(signal)) return cancelled('The dump');
        const left = bytes - at;
        const piece = await target.bytes(start + at, left < BigInt(PIECE_BYTES) ? Number(left) : PIECE_BYTES);
        if (!piece.ok) return piece;
        if (piece.value === undefined) return unwritten(`0x${(start + at).toString(16)} is no RAM any more`);
        writeWhole(file, piece.value);
        done += piece.value.length;
        onProgress?.({ message: 'writing memory', done, total, unit: 'bytes' });
      }
    }
    return ok();
  } catch (error) {
    return unwritten(messageOf(error));
  } finally {
    closeSync(file);
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}

function unwritten(why: string) {
  return fail('not-written', 'The dump cannot be written.', why, 'Free some space, or choose another folder.');
}
