import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AcceleratorSchema } from '../../../app/contract/profile.ts';
import type { AcceleratorProbe } from './accelerator.ts';

const CacheSchema = z.object({
  key: z.string(),
  probes: z.array(z.object({ accelerator: AcceleratorSchema, works: z.boolean(), detail: z.string() })),
});

/**
 * What came of the last probes, for the next start: a broken KVM takes seconds to show itself. Valid while neither the computer was
 * restarted, nor QEMU replaced, nor the rights to /dev/kvm changed.
 */
export class ProbeCache {
  readonly #path: string;
  readonly #key: string;

  constructor(path: string, qemu: string) {
    this.#path = path;
    this.#key = [
      qemu,
      bootId(),
      stampOf('/dev/kvm'),
      ...searchPath(qemu).map(stampOf),
      process.getgroups?.().join(',') ?? '',
    ].join('|');
  }

  read(): AcceleratorProbe[] {
    try {
      const cache = CacheSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      return cache.key === this.#key ? cache.probes : [];
    } catch {
      // None yet, or not ours: the probes are made again.
      return [];
    }
  }

  write(probes: readonly AcceleratorProbe[]): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      const draft = `${this.#path}.${process.pid}`;
      writeFileSync(draft, JSON.stringify({ key: this.#key, probes }));
      renameSync(draft, this.#path);
    } catch {
      // A cache that cannot be kept costs time, nothing else.
    }
  }
}

export function probeCachePath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ring0', 'accelerators.json');
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function stampOf(path: string): string {
  try {
    const { mtimeMs, size, mode, gid } = statSync(path);
    return `${path}:${mtimeMs}:${size}:${mode}:${gid}`;
  } catch {
    return '';
  }
}

/** Files that the program's name may mean. */
function searchPath(program: string): string[] {
  return program.includes('/') ? [program] : (process.env.PATH ?? '').split(':').map((folder) => join(folder, program));
}
