import { statSync } from 'node:fs';
import { formatAddress } from '../../../app/base/address.ts';
import { fail, ok, type Result } from '../../../app/base/result.ts';
import type { DumpInfo } from '../../../app/contract/index.ts';
import { DumpTarget } from './dump-target.ts';
import type { InspectTarget } from './target.ts';

/** What an open dump is, and what it lacks. */
export async function describeDump(target: InspectTarget, path: string): Promise<Result<DumpInfo>> {
  if (!(target instanceof DumpTarget)) return fail('no-dump', 'This is no dump.', path, 'Name a dump.');
  const processors = await target.processors();
  const image = target.kernel === null ? null : await target.image();
  const { sidecar } = target;
  return ok({
    path,
    bytes: statSync(path).size,
    processors: processors.ok ? processors.value.length : 0,
    memoryBytes: formatAddress(target.regions.reduce((sum, { bytes }) => sum + bytes, 0n)),
    recorded: sidecar !== null,
    madeAt: sidecar?.madeAt ?? null,
    kernel: target.kernel,
    profile: sidecar?.machine?.profile.name ?? null,
    lacks: [...target.lacks, ...(image === null || image.ok ? [] : [`${image.error.what} ${image.error.why}`])],
  });
}
