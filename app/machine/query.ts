import { fail, ok, type Result } from '../base/result.ts';
import type { QueryArguments } from '../contract/machine.ts';
import { isPciPlace, PCI_CONFIGURATION } from '../pci/ports.ts';

/**
 * Which questions QEMU is asked about a machine on behalf of whoever looks at it. They read: none changes the guest. The two that
 * write a file do it under names that nothing else has. One is made of several: `PCI_CONFIGURATION`, which uses the guest's ports while
 * it stands still, and puts them back.
 */

/** QMP commands that only answer. */
const READING = /^(query-[a-z0-9-]{1,60}|x-query-virtio(-[a-z-]{1,40})?|qom-(get|list|list-properties))$/;
/** Lines of the human monitor that only answer; `x` and `xp` print memory, `gva2gpa` translates, `qom-…` tells of QEMU's own objects. */
const READING_LINE =
  /^(info [a-z][a-z0-9-]{0,40}( [\w/.:-]{1,200}){0,4}|(x|xp) ?\/[0-9a-z]{1,12} 0x[0-9a-f]{1,16}|gva2gpa 0x[0-9a-f]{1,16}|qom-list \/[\w/.[\]-]{0,200}|qom-get \/[\w/.[\]-]{0,200} [\w.-]{1,64})$/;
/** Files that QEMU may write beside its sockets. */
const FILE_NAME = /^memory-[\w-]{1,64}\.bin$/;
/** A dump is too large for where the sockets are: it goes where its owner has made an empty file, or a pipe, of such a name. */
const DUMP_PATH = /^\/(?:.*\/)?\.memory-[\w-]{1,64}\.part$/s;
/** Read in one go by `pmemsave`. */
export const MAX_SAVE_BYTES = 64 << 20;
/** The most that an answer may have in characters, as JSON. */
export const MAX_ANSWER_CHARACTERS = 8 << 20;

/** How long QEMU may take: writing a dump of all memory takes longest. */
export function queryTimeoutMs(command: string): number {
  return command === 'dump-guest-memory' ? 300_000 : command === 'pmemsave' ? 15_000 : 5000;
}

/** Whether a question may be put to the machine of this run directory. */
export function checkQuery(command: string, args: QueryArguments | undefined, runDirectory: string): Result<void> {
  if (READING.test(command)) return ok();
  const given = args ?? {};
  switch (command) {
    case 'human-monitor-command': {
      const { 'command-line': line, 'cpu-index': core, ...rest } = given;
      const fits =
        typeof line === 'string' &&
        READING_LINE.test(line) &&
        (core === undefined || (Number.isInteger(core) && Number(core) >= 0 && Number(core) < 1024)) &&
        Object.keys(rest).length === 0;
      return fits ? ok() : refuse(`${command} ${JSON.stringify(String(line).slice(0, 80))}`);
    }
    case 'pmemsave': {
      const { val, size, filename, ...rest } = given;
      const fits =
        isAmount(val) &&
        isAmount(size) &&
        BigInt(size) <= BigInt(MAX_SAVE_BYTES) &&
        isOwnFile(filename, runDirectory) &&
        Object.keys(rest).length === 0;
      return fits ? ok() : refuse(command);
    }
    case 'dump-guest-memory': {
      const { paging, protocol, detach, ...rest } = given;
      const path = typeof protocol === 'string' && protocol.startsWith('file:') ? protocol.slice(5) : undefined;
      const fits =
        paging === false &&
        (detach === undefined || detach === true) &&
        path !== undefined &&
        DUMP_PATH.test(path) &&
        Object.keys(rest).length === 0;
      return fits ? ok() : refuse(command);
    }
    case PCI_CONFIGURATION:
      return isPciPlace(given) ? ok() : refuse(command);
    default:
      return refuse(command);
  }
}

function isAmount(value: unknown): value is number | bigint {
  return typeof value === 'bigint'
    ? value >= 0n && value < 1n << 63n
    : Number.isSafeInteger(value) && Number(value) >= 0;
}

function isOwnFile(path: unknown, runDirectory: string): boolean {
  if (typeof path !== 'string' || !path.startsWith(`${runDirectory}/`)) return false;
  return FILE_NAME.test(path.slice(runDirectory.length + 1));
}

function refuse(question: string) {
  return fail(
    'query-refused',
    'QEMU is not asked that.',
    `${question} is not among the questions that only read`,
    'Pause, reset and stop the machine with its own commands; everything else is a question.',
  );
}
