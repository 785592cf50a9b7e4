/**
 * The remote serial protocol of gdb: packets `$BODY#CHECKSUM`, each acknowledged by `+` (GDB manual, appendix E). Bodies are latin-1
 * strings, a character a byte. The other end may be anything that listens on a port: every length is bounded here.
 */

/** The longest packet that is taken. QEMU's own are 4 KiB; its target description is read in pieces of this. */
export const MAX_PACKET_CHARACTERS = 1 << 18;
/** The most that a run may unfold to. */
const MAX_BODY_CHARACTERS = 1 << 18;

export function formatPacket(body: string): string {
  const escaped = body.replace(/[#$}*]/g, (it) => `}${String.fromCharCode(it.charCodeAt(0) ^ 0x20)}`);
  return `$${escaped}#${checksum(escaped)}`;
}

function checksum(text: string): string {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = (sum + text.charCodeAt(at)) & 0xff;
  return sum.toString(16).padStart(2, '0');
}

/** Cuts a stream into the bodies of packets. Acknowledgements and notifications are left out. What is no such stream throws. */
export class PacketReader {
  #rest = '';

  push(text: string): string[] {
    this.#rest += text;
    const bodies: string[] = [];
    let at = 0;
    while (at < this.#rest.length) {
      const kind = this.#rest[at];
      if (kind === '+') {
        at += 1;
        continue;
      }
      // A refusal asks for the packet again. On a connection that loses nothing it means that nobody understands anybody.
      if (kind !== '$' && kind !== '%')
        throw new Error(`byte 0x${this.#rest.charCodeAt(at).toString(16)} between packets`);
      const end = this.#rest.indexOf('#', at);
      const length = (end === -1 ? this.#rest.length : end) - at;
      if (length > MAX_PACKET_CHARACTERS) throw new Error(`a packet of more than ${MAX_PACKET_CHARACTERS} bytes`);
      if (end === -1 || end + 3 > this.#rest.length) break;
      const raw = this.#rest.slice(at + 1, end);
      const given = this.#rest.slice(end + 1, end + 3).toLowerCase();
      if (checksum(raw) !== given)
        throw new Error(`a packet with checksum ${JSON.stringify(given)} in place of ${checksum(raw)}`);
      at = end + 3;
      if (kind === '$') bodies.push(unfold(raw));
    }
    this.#rest = this.#rest.slice(at);
    return bodies;
  }
}

/** `}` escapes a byte, `*` repeats the one before. */
function unfold(raw: string): string {
  if (!/[}*]/.test(raw)) return raw;
  let body = '';
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at];
    if (character === '}') {
      at += 1;
      if (at === raw.length) throw new Error('a packet that ends in an escape');
      body += String.fromCharCode(raw.charCodeAt(at) ^ 0x20);
    } else if (character === '*') {
      at += 1;
      const count = raw.charCodeAt(at) - 29;
      if (body === '' || !(count >= 3 && count <= 97)) throw new Error('a run of nothing');
      body += (body.at(-1) ?? '').repeat(count);
    } else body += character;
    if (body.length > MAX_BODY_CHARACTERS)
      throw new Error(`a packet that unfolds to more than ${MAX_BODY_CHARACTERS} bytes`);
  }
  return body;
}

/** What a character of hex is worth, and -1 for another. */
const DIGITS = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value++)
  for (const digit of [value.toString(16), value.toString(16).toUpperCase()]) DIGITS[digit.charCodeAt(0)] = value;
for (const unknown of 'xX') DIGITS[unknown.charCodeAt(0)] = 0;

/** Bytes of a reply in hex; undefined if it is none. `x` stands for what the stub does not know, and counts as zero. */
export function parseHex(body: string): Uint8Array | undefined {
  if (body.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(body.length / 2);
  // Memory comes this way by the hundreds of MiB.
  for (let n = 0; n < bytes.length; n++) {
    const high = DIGITS[body.charCodeAt(2 * n)] ?? -1;
    const low = DIGITS[body.charCodeAt(2 * n + 1)] ?? -1;
    if (high < 0 || low < 0) return undefined;
    bytes[n] = (high << 4) | low;
  }
  return bytes;
}

/** Of ASCII. */
export function formatHex(text: string): string {
  let hex = '';
  for (let at = 0; at < text.length; at++) hex += (text.charCodeAt(at) & 0xff).toString(16).padStart(2, '0');
  return hex;
}

/** `T05thread:01;`, `S05`: the machine has stopped, or stands still. */
export function isStopReply(body: string): boolean {
  return /^[TS][0-9a-f]{2}/i.test(body);
}

/** `E22`, and what other stubs say with words. */
export function isErrorReply(body: string): boolean {
  return /^E([0-9a-f]{2}$|\.)/i.test(body);
}

/** What `qSupported` says of packets; 400 is the least that gdb itself takes for granted. */
export function packetSize(supported: string): number {
  const digits = /(?:^|;)PacketSize=([0-9a-f]{1,8})(?:;|$)/i.exec(supported)?.[1];
  return Math.min(Math.max(digits === undefined ? 400 : Number.parseInt(digits, 16), 64), MAX_PACKET_CHARACTERS / 2);
}

/** Ids of a reply to `qfThreadInfo` or `qsThreadInfo`: `m01,02`; null at the end of the list (`l`), undefined for nonsense. */
export function parseThreads(body: string): string[] | null | undefined {
  if (body === 'l') return null;
  const ids = /^m((?:p[0-9a-f]{1,8}\.)?[0-9a-f]{1,16}(?:,(?:p[0-9a-f]{1,8}\.)?[0-9a-f]{1,16})*)$/i.exec(body)?.[1];
  return ids?.split(',');
}
