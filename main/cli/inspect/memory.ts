import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { formatAddress } from '../../../app/base/address.ts';
import { messageOf } from '../../../app/base/result.ts';
import {
  type InspectSource,
  MAX_LOOK_BYTES,
  MAX_WRITE_BYTES,
  type MemoryPlace,
  type MemoryView,
} from '../../../app/contract/index.ts';
import type { CommandContext } from '../command.ts';
import { CommandFailure, giveUp, unwrap } from '../failure.ts';
import { readAddress } from './address.ts';
import { defineSubject, type Finding } from './subject.ts';

const DEFAULT_BYTES = 256;
const MAX_PATTERN_BYTES = 64;

export const memory = defineSubject({
  name: 'memory',
  summary: 'bytes of memory, virtual or physical; looks for bytes and text; saves a range; changes some',
  operands: 'ADDRESS [SIZE]',
  arity: [0, 2],
  description: `ADDRESS is 0x…, a symbol of the kernel (NAME, path::NAME, NAME+0x10) or a register ($rsp). SIZE is in bytes, 256 by
default. Virtual memory is as the processor of --processor sees it; what is not mapped is shown as such.

--write changes memory at ADDRESS: of a machine of yours while it is paused, of another one through its gdb stub, which holds it for
the moment. With --expect it does so only if that stands there; else what stood there is shown. Through a gdb stub the machine stands
still for all of a search, some 30 MiB a second; Ctrl-C ends it.`,
  options: {
    physical: { kind: 'flag', help: 'the address is guest-physical' },
    search: {
      kind: 'text',
      value: 'WHAT',
      help: 'looks for bytes (hex:90909090) or text everywhere, instead of showing an address',
    },
    limit: {
      kind: 'number',
      value: 'N',
      minimum: 1,
      maximum: 10_000,
      help: 'with --search: at most so many places; default 64',
    },
    save: { kind: 'text', value: 'FILE', help: 'writes the bytes into a file' },
    write: { kind: 'text', value: 'WHAT', help: 'writes bytes (hex:90909090) or text at the address' },
    expect: { kind: 'text', value: 'WHAT', help: 'with --write: only if these bytes, or this text, stand there' },
  },
  examples: [
    ['ring0 inspect memory $rsp 128', 'the top of the stack'],
    ['ring0 inspect memory RING0_BOOT_REPORT', 'a static by its name'],
    ['ring0 inspect memory --search "ring0: serving" --physical', 'where a text lies'],
    ['ring0 inspect memory 0x0 0x100000 --physical --save low.bin', 'the first MiB'],
    [
      'ring0 inspect memory 0x7c00 --physical --write hex:ebfe --expect hex:fa31 --gdb 1234',
      'two bytes for two others',
    ],
  ],
  async look(context, source, values, [at, sizeText]) {
    const { processor = 0 } = values;
    const space = values.physical ? 'physical' : 'virtual';
    if (values.search !== undefined) {
      if (at !== undefined) giveUp('usage', '--search looks everywhere', '', 'leave out the address');
      if (values.write !== undefined) giveUp('usage', '--search and --write are two things', '', 'search first');
      return search(context, source, { space, processor, limit: values.limit ?? 64 }, values.search);
    }
    if (at === undefined)
      giveUp('usage', 'ring0 inspect memory needs ADDRESS [SIZE]', '', 'see ring0 inspect memory --help');
    const place: MemoryPlace = { space, processor, address: await readAddress(context, source, at, processor) };
    if (values.write !== undefined) {
      if (sizeText !== undefined || values.save !== undefined)
        giveUp('usage', '--write takes an address alone', '', 'its bytes say how many they are');
      return write(context, source, place, values.write, values.expect);
    }
    if (values.expect !== undefined) giveUp('usage', '--expect goes with --write only', '', 'add --write WHAT');
    const rest = (1n << 64n) - place.address;
    const size = sizeText === undefined ? Number(rest < DEFAULT_BYTES ? rest : DEFAULT_BYTES) : sizeOf(sizeText);
    if (BigInt(size) > rest)
      giveUp(
        'usage',
        `addresses end ${rest} bytes behind ${formatAddress(place.address)}`,
        '',
        `ask for ${rest} at most`,
      );
    if (values.save !== undefined) return save(context, source, place, size, values.save);
    if (size > MAX_LOOK_BYTES)
      giveUp('usage', `at most ${MAX_LOOK_BYTES} bytes are shown`, '', 'save a longer range with --save FILE');
    const view = unwrap(await context.host.inspect.memory(source, place, size));
    return { value: view, text: () => hexDump(view) };
  },
});

function sizeOf(text: string): number {
  const size = /^(0x[0-9a-f]{1,12}|\d{1,15})$/i.test(text) ? Number(text) : 0;
  return size > 0
    ? size
    : giveUp('usage', `SIZE must be a number of bytes, got "${text}"`, '', 'write for example 256 or 0x1000');
}

async function save(
  { host, terminal, interrupts }: CommandContext,
  source: InspectSource,
  place: MemoryPlace,
  size: number,
  path: string,
): Promise<Finding> {
  let file: number;
  try {
    file = openSync(path, 'w', 0o600);
  } catch (error) {
    return giveUp('not-written', `${path} cannot be written`, messageOf(error), 'choose another place');
  }
  let missing = 0;
  try {
    for (let done = 0; done < size; done += MAX_LOOK_BYTES) {
      if (interrupts.signal.aborted) {
        rmSync(path, { force: true });
        throw new CommandFailure({ code: 'cancelled', what: 'Saving was cancelled.', why: '', fix: '' });
      }
      const part = Math.min(size - done, MAX_LOOK_BYTES);
      const view = unwrap(await host.inspect.memory(source, { ...place, address: place.address + BigInt(done) }, part));
      missing += part - view.present.reduce((sum, { bytes }) => sum + bytes, 0);
      writeSync(file, Buffer.from(view.data, 'base64'));
      terminal.progress('saving memory', `${done + part} of ${size} bytes`);
    }
  } finally {
    closeSync(file);
    terminal.clearProgress();
  }
  const note = missing === 0 ? '' : `; ${missing} of them are not there and were written as zero`;
  return { value: { path, bytes: size, missing }, text: () => `${size} bytes written to ${path}${note}` };
}

async function write(
  { host }: CommandContext,
  source: InspectSource,
  place: MemoryPlace,
  what: string,
  expected: string | undefined,
): Promise<Finding> {
  const bytes = bytesOf(what, '--write', MAX_WRITE_BYTES);
  const before = expected === undefined ? undefined : bytesOf(expected, '--expect', MAX_WRITE_BYTES);
  if (before !== undefined && before.length !== bytes.length)
    giveUp('usage', '--expect and --write differ in length', `${before.length} and ${bytes.length} bytes`, '');
  const written = unwrap(
    await host.inspect.write(source, place, bytes, before ?? (await bytesAt(host, source, place, bytes.length))),
  );
  return { value: written, text: () => `${written.address}: ${written.before} is ${written.after} now` };
}

/** What stands there. A hole among it is found by the write, which says so. */
async function bytesAt(
  host: CommandContext['host'],
  source: InspectSource,
  place: MemoryPlace,
  size: number,
): Promise<Uint8Array> {
  return Buffer.from(unwrap(await host.inspect.memory(source, place, size)).data, 'base64');
}

async function search(
  { host, terminal, interrupts }: CommandContext,
  source: InspectSource,
  question: { readonly space: MemoryPlace['space']; readonly processor: number; readonly limit: number },
  what: string,
): Promise<Finding> {
  const pattern = bytesOf(what, '--search', MAX_PATTERN_BYTES);
  const matches: { address: string; context: string }[] = [];
  let more = false;
  for await (const event of host.inspect.search(source, { ...question, pattern }, { signal: interrupts.signal })) {
    if (event.kind === 'match') matches.push({ address: event.address, context: event.context });
    if (event.kind === 'progress')
      terminal.progress('searching', `${Math.round((100 * event.done) / event.total)} %, ${matches.length} found`);
    if (event.kind === 'failed') throw new CommandFailure(event.error);
    if (event.kind === 'finished') more = event.more;
  }
  terminal.clearProgress();
  const lines = matches.map(
    ({ address, context }) => `${address.padEnd(18)}  ${printable(Buffer.from(context, 'hex'))}`,
  );
  const end = more
    ? [`… and more: --limit ${question.limit} was reached`]
    : matches.length === 0
      ? ['nothing of it is in memory']
      : [];
  return { value: { matches, more }, text: () => [...lines, ...end].join('\n') };
}

/** `hex:0102…`, or text. */
function bytesOf(what: string, option: string, most: number): Uint8Array {
  const hex = /^hex:((?:[0-9a-f]{2}\s*)+)$/i.exec(what)?.[1]?.replace(/\s/g, '');
  const bytes = hex === undefined ? Buffer.from(what, 'utf8') : Buffer.from(hex, 'hex');
  if (hex === undefined && /^hex:/i.test(what))
    giveUp('usage', `${option} does not understand "${what}"`, '', 'write two hex digits for each byte: hex:0102…');
  if (bytes.length < 1 || bytes.length > most)
    giveUp('usage', `${option} takes 1 to ${most} bytes`, '', 'write text, or hex:0102…');
  return bytes;
}

/** Sixteen bytes a line, as `hexdump -C` has them; `??` where there is no memory. */
export function hexDump(view: MemoryView): string {
  const bytes = Buffer.from(view.data, 'base64');
  const isThere = (at: number) =>
    view.present.some(({ offset, bytes: length }) => at >= offset && at < offset + length);
  const start = BigInt(view.address);
  const lines: string[] = view.symbol === null ? [] : [view.symbol];
  for (let at = 0; at < view.size; at += 16) {
    const cells: string[] = [];
    for (let n = 0; n < 16; n++) {
      const here = at + n;
      cells.push(here >= view.size ? '  ' : isThere(here) ? (bytes[here] ?? 0).toString(16).padStart(2, '0') : '??');
      if (n === 7) cells.push('');
    }
    const address = formatAddress(BigInt.asUintN(64, start + BigInt(at)))
      .slice(2)
      .padStart(16, '0');
    const row = bytes.subarray(at, Math.min(at + 16, view.size));
    const text = [...row].map((byte, n) => (isThere(at + n) ? printable(Uint8Array.of(byte)) : '?')).join('');
    lines.push(`${address}  ${cells.join(' ')}  ${text}`);
  }
  if (view.present.length === 0)
    lines.push(view.space === 'virtual' ? 'none of this is mapped to RAM' : 'none of this is RAM');
  return lines.join('\n');
}

/** What a guest wrote, without what a terminal would obey. */
function printable(bytes: Uint8Array): string {
  return [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}
