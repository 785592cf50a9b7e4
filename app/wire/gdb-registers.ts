import { formatAddress } from '../base/address.ts';
import { parseHex } from './gdb-remote.ts';

/** Registers by a stub's own description of its target (GDB manual, appendix G), under the names of `info registers`. */

export interface StubRegister {
  readonly name: string;
  /** Of the reply to `g`. */
  readonly offset: number;
  readonly bytes: number;
}

const MAX_REGISTERS = 2048;
const MAX_BITS = 4096;

/** QEMU 7.2's names, where they are not those of its monitor (gdb-xml/i386-64bit.xml). */
const NAMES: Readonly<Record<string, string>> = {
  eflags: 'rfl',
  fs_base: 'fs.base',
  gs_base: 'gs.base',
  k_gs_base: 'kernel_gs.base',
};
/** What a value of ours can be: general, segment, control and model-specific registers. */
const WANTED = /^(r[a-ds][ix]|r[a-d]x|r[sb]p|r\d{1,2}|rip|eflags|[c-gs]s|[fg]s_base|k_gs_base|cr[02348]|efer|mxcsr)$/;

/** Files that a description includes, in order. */
export function includedFiles(xml: string): string[] {
  return [...xml.matchAll(/<xi:include\s+href="([\w.-]{1,64})"/g)].map(([, name = '']) => name);
}

/** The registers of a description in the order of `g`; of several files, one after the other. */
export function parseLayout(files: readonly string[]): StubRegister[] {
  const found: StubRegister[] = [];
  let offset = 0;
  // QEMU's description has registers in comments, which are not in the reply.
  const described = files.map((it) => it.replace(/<!--[\s\S]*?(-->|$)/g, '')).join('\n');
  for (const [, attributes = ''] of described.matchAll(/<reg\s([^<>]{1,400})>/g)) {
    const name = /\bname="([\w.]{1,32})"/.exec(attributes)?.[1];
    const bits = Number(/\bbitsize="(\d{1,5})"/.exec(attributes)?.[1] ?? 0);
    if (name === undefined || bits === 0 || bits > MAX_BITS || found.length === MAX_REGISTERS) break;
    found.push({ name, offset, bytes: Math.ceil(bits / 8) });
    offset += Math.ceil(bits / 8);
  }
  return found;
}

/** The registers in a reply to `g`, which may hold fewer than the description promises. */
export function decodeRegisters(layout: readonly StubRegister[], reply: string): Record<string, string> {
  const values: Record<string, string> = {};
  const bytes = parseHex(reply) ?? new Uint8Array();
  for (const { name, offset, bytes: size } of layout) {
    if (!WANTED.test(name) || size > 8 || offset + size > bytes.length) continue;
    let value = 0n;
    for (let n = size - 1; n >= 0; n--) value = (value << 8n) | BigInt(bytes[offset + n] ?? 0);
    values[NAMES[name] ?? name] = formatAddress(value);
  }
  return values;
}
