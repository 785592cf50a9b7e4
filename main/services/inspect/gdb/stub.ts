import { connect, type Socket } from 'node:net';
import type { Disposable } from '../../../../app/base/disposable.ts';
import { fail, messageOf, ok, type Result } from '../../../../app/base/result.ts';
import type { GdbAddress } from '../../../../app/contract/index.ts';
import { includedFiles } from '../../../../app/wire/gdb-registers.ts';
import {
  formatHex,
  formatPacket,
  isErrorReply,
  isStopReply,
  PacketReader,
  packetSize,
  parseHex,
  parseThreads,
} from '../../../../app/wire/gdb-remote.ts';
import { holdLastWord } from '../../../process/index.ts';

const CONNECT_TIMEOUT_MS = 4000;
const REPLY_TIMEOUT_MS = 5000;
/** A machine is held no longer than this after the last who had a reason to; see `holdOn`. */
const HELD_AT_MOST_MS = 30_000;
/** Bytes of stop replies and of the monitor's text that are taken. */
const MAX_STRAY = 16;
const MAX_MONITOR_CHARACTERS = 8 << 20;
const MAX_THREADS = 1024;
const MAX_FILES = 16;
const MAX_FILE_CHARACTERS = 1 << 20;
/** Questions on their way at once. */
const WINDOW = 32;
/** Detach: the machine goes on. */
const DETACH = `+${formatPacket('D')}`;
/** Ends a packet of which only a part was sent; else it means nothing. */
const END_PACKET = '#00+';
/** Addresses mean again what they mean to a debugger. */
const AFTERWARDS = `+${formatPacket('Qqemu.PhyMemMode:0')}`;

/**
 * A connection to a gdb stub. QEMU's stops its machine when somebody connects, and one that is left without a word stays stopped: so
 * `leave` detaches, unless the machine stood still before. QEMU tells which by reporting the stop that it made, before its first answer.
 * Stubs of others do not; they are always told to go on. If this program is killed, a last word is said for it.
 */
export class GdbStub {
  readonly #socket: Socket;
  readonly #reader = new PacketReader();
  readonly #bodies: string[] = [];
  #wake: () => void = () => {};
  #failure = '';
  #lastWord: Disposable | null;
  #owed = '';
  #packetBytes = 400;
  #isQemu = false;
  #heldSince = performance.now();
  #wasRunning = true;
  #left: Promise<void> | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #until = performance.now() + HELD_AT_MOST_MS;

  private constructor({ socket, lastWord }: Opened) {
    this.#socket = socket;
    this.#lastWord = lastWord;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      try {
        const bodies = this.#reader.push(text);
        this.#bodies.push(...bodies);
        if (bodies.length > 0) this.#write('+'.repeat(bodies.length));
      } catch (error) {
        this.#failure ||= `it does not speak gdb's protocol: ${messageOf(error)}`;
      }
      this.#wake();
    });
    socket.on('error', (error) => this.#end(messageOf(error)));
    socket.on('close', () => this.#end('the connection was closed'));
  }

  static async connect(address: GdbAddress): Promise<Result<GdbStub>> {
    const name = addressName(address);
    const opened = await openSocket(address);
    if (typeof opened === 'string')
      return fail(
        'no-gdb-stub',
        `Nobody listens at ${name}.`,
        opened,
        'Start QEMU with -s (port 1234), or with -gdb tcp:127.0.0.1:PORT.',
      );
    const stub = new GdbStub(opened);
    const greeted = await stub.#greet();
    if (greeted.ok) return ok(stub);
    // A connection that waits behind another client's would stop the machine later, with nobody there: it takes its last word along.
    await stub.leave();
    const why = greeted.error.why;
    return fail(
      'no-gdb-stub',
      `What listens at ${name} does not answer as a gdb stub.`,
      why,
      'A stub serves one client at a time: detach the debugger that has it. Else check the port.',
    );
  }

  /** When the machine stopped for us, by the monotonic clock. */
  get heldSince(): number {
    return this.#heldSince;
  }

  get isQemu(): boolean {
    return this.#isQemu;
  }

  /** Whether the machine ran when we came. Of a stub that does not tell, it is taken to have. */
  get wasRunning(): boolean {
    return this.#wasRunning;
  }

  /** Answers of the human monitor behind the stub; an error if there is none. */
  monitor(line: string): Promise<Result<string>> {
    return this.#alone(async () => {
      this.#send(`qRcmd,${formatHex(line)}`);
      let text = '';
      for (;;) {
        const reply = await this.#next();
        if (!reply.ok) return reply;
        const body = reply.value;
        if (body === 'OK') return ok(text);
        const bytes = body.startsWith('O') ? parseHex(body.slice(1)) : undefined;
        if (bytes === undefined)
          return fail('no-monitor', 'This stub has no monitor.', `its answer to qRcmd is "${body.slice(0, 40)}"`, '');
        text += new TextDecoder().decode(bytes);
        if (text.length > MAX_MONITOR_CHARACTERS) return this.#broken('its answer does not end');
      }
    });
  }

  /** The machine is held for as long again: for work that a person watches, and can end. */
  holdOn(): void {
    this.#until = performance.now() + HELD_AT_MOST_MS;
  }

  /**
   * A line of the monitor that is said before the machine goes on, however it comes to that: for what is changed in passing, and put back
   * by its changer if nothing goes wrong.
   */
  owe(line: string): void {
    this.#owed = formatPacket(`qRcmd,${formatHex(line)}`);
    this.#keepLastWord();
  }

  #keepLastWord(): void {
    const before = this.#lastWord;
    const words = `${END_PACKET}${this.#owed}${AFTERWARDS}${this.#wasRunning ? DETACH : ''}`;
    this.#lastWord = holdLastWord(this.#socket, words);
    before?.dispose();
  }

  /** Guest-physical memory, which must be RAM: of a device, reading is doing. */
  read(address: bigint, size: number): Promise<Result<Uint8Array>> {
    return this.#alone(async () => {
      // QEMU takes half a packet's characters as bytes at most, which leaves room for their hex digits.
      const piece = Math.max(32, Math.floor(this.#packetBytes / 2) & ~15);
      const bytes = new Uint8Array(size);
      const places: { readonly at: number; readonly part: number }[] = [];
      for (let at = 0; at < size; at += piece) places.push({ at, part: Math.min(piece, size - at) });
      for (let first = 0; first < places.length; first += WINDOW) {
        const some = places.slice(first, first + WINDOW);
        const questions = some.map(({ at, part }) => `m${(address + BigInt(at)).toString(16)},${part.toString(16)}`);
        this.#write(questions.map(formatPacket).join(''));
        for (const { at, part } of some) {
          const reply = await this.#next();
          if (!reply.ok) return reply;
          const got = parseHex(reply.value);
          if (got?.length !== part)
            return this.#broken(`memory at 0x${(address + BigInt(at)).toString(16)}: "${reply.value.slice(0, 40)}"`);
          bytes.set(got, at);
        }
      }
      return ok(bytes);
    });
  }

  /** Changes guest-physical RAM. QEMU forgets what it has translated of it. */
  async write(address: bigint, bytes: Uint8Array): Promise<Result<void>> {
    const piece = Math.max(16, Math.floor((this.#packetBytes - 64) / 2) & ~15);
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece);
      const digits = formatHex(String.fromCharCode(...part));
      const place = `${(address + BigInt(at)).toString(16)},${part.length.toString(16)}`;
      const reply = await this.#ask(`M${place}:${digits}`);
      if (!reply.ok) return reply;
      if (reply.value !== 'OK') return this.#broken(`its answer to M${place} is "${reply.value.slice(0, 40)}"`);
    }
    return ok();
  }

  /** Ids of the threads, which are QEMU's processors in their order. */
  async threads(): Promise<Result<string[]>> {
    const ids: string[] = [];
    for (let question = 'qfThreadInfo'; ids.length < MAX_THREADS; question = 'qsThreadInfo') {
      const reply = await this.#ask(question);
      if (!reply.ok) return reply;
      const some = parseThreads(reply.value);
      if (some === null) return ok(ids);
      if (some === undefined) return this.#broken(`its list of threads has "${reply.value.slice(0, 40)}"`);
      ids.push(...some);
    }
    return ok(ids.slice(0, MAX_THREADS));
  }

  /** The reply to `g` of one thread. */
  async registers(thread: string): Promise<Result<string>> {
    const chosen = await this.#ask(`Hg${thread}`);
    if (!chosen.ok) return chosen;
    return this.#ask('g');
  }

  /** The target's description: its files, the first one first. */
  async description(): Promise<Result<string[]>> {
    const files: string[] = [];
    const wanted = ['target.xml'];
    for (let name = wanted.shift(); name !== undefined && files.length < MAX_FILES; name = wanted.shift()) {
      let text = '';
      for (let last = false; !last; ) {
        const size = Math.max(64, this.#packetBytes - 8).toString(16);
        const reply = await this.#ask(`qXfer:features:read:${name}:${text.length.toString(16)},${size}`);
        if (!reply.ok) return reply;
        if (!/^[lm]/.test(reply.value)) return ok(files);
        text += reply.value.slice(1);
        // A piece without anything in it would be asked for without end.
        last = reply.value.startsWith('l') || reply.value.length === 1 || text.length > MAX_FILE_CHARACTERS;
      }
      files.push(text);
      wanted.push(...includedFiles(text));
    }
    return ok(files);
  }

  /** Goes, and lets the machine go on if it ran. Never fails, and never waits for long. */
  leave(): Promise<void> {
    this.#left ??= (async () => {
      if (this.#isQemu && this.#failure === '') {
        const reset = await this.#ask('Qqemu.PhyMemMode:0');
        if (!reset.ok) this.#failure ||= reset.error.why;
      }
      if (this.#failure !== '' && this.#owed !== '') this.#write(`${END_PACKET}${this.#owed}`);
      if (this.#wasRunning) {
        this.#write(DETACH);
        if (this.#failure === '') await this.#next(1000);
      }
      this.#lastWord?.dispose();
      this.#socket.end();
      const timer = setTimeout(() => this.#socket.destroy(), 500);
      timer.unref();
    })();
    return this.#left;
  }

  async #greet(): Promise<Result<void>> {
    this.#send('qSupported:xmlRegisters=i386');
    let stops = 0;
    let reply = await this.#next(CONNECT_TIMEOUT_MS, true);
    for (; reply.ok && isStopReply(reply.value) && stops < MAX_STRAY; stops++)
      reply = await this.#next(CONNECT_TIMEOUT_MS, true);
    if (!reply.ok) return reply;
    this.#heldSince = performance.now();
    this.#packetBytes = packetSize(reply.value);
    const mode = await this.#ask('qqemu.PhyMemMode');
    if (!mode.ok) return mode;
    this.#isQemu = /^[01]$/.test(mode.value);
    if (!this.#isQemu) return ok();
    this.#wasRunning = stops > 0;
    if (!this.#wasRunning) this.#keepLastWord();
    const physical = await this.#ask('Qqemu.PhyMemMode:1');
    return physical.ok ? ok() : physical;
  }

  /** One question, one answer. */
  #ask(body: string): Promise<Result<string>> {
    return this.#alone(async () => {
      this.#send(body);
      const reply = await this.#next();
      return reply.ok && isErrorReply(reply.value)
        ? fail('gdb-refused', `The gdb stub refuses ${body.slice(0, 40)}.`, reply.value.slice(0, 80), '')
        : reply;
    });
  }

  /** Answers have no names: who asks waits until the one before has all of its own. */
  #alone<T>(act: () => Promise<Result<T>>): Promise<Result<T>> {
    const turn = this.#queue.then(act);
    this.#queue = turn;
    return turn;
  }

  #send(body: string): void {
    this.#write(formatPacket(body));
  }

  #write(text: string): void {
    if (this.#socket.writable) this.#socket.write(text, 'latin1');
  }

  #end(why: string): void {
    this.#failure ||= why;
    this.#wake();
  }

  async #next(timeoutMs = REPLY_TIMEOUT_MS, stopsToo = false): Promise<Result<string>> {
    const until = Math.min(performance.now() + timeoutMs, Math.max(this.#until, performance.now() + 200));
    for (let stray = 0; ; ) {
      const body = this.#bodies.shift();
      if (body !== undefined && (stopsToo || !isStopReply(body))) return ok(body);
      if (body !== undefined && ++stray > MAX_STRAY) return this.#broken('it reports stops without end');
      if (body !== undefined) continue;
      if (this.#failure !== '') return this.#broken(this.#failure);
      const left = until - performance.now();
      if (left <= 0)
        return this.#broken(
          performance.now() >= this.#until
            ? `the machine has been held for ${HELD_AT_MOST_MS / 1000} s, which is enough`
            : `no answer within ${timeoutMs} ms`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** After a mistake nobody knows which answer is whose: nothing more is asked. */
  #broken(why: string) {
    this.#failure ||= why;
    return fail('gdb-broken', 'The gdb stub does not answer as it should.', this.#failure, 'Try again.');
  }
}

export function addressName(address: GdbAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

interface Opened {
  readonly socket: Socket;
  readonly lastWord: Disposable | null;
}

/** The socket, or why there is none. QEMU stops its machine the moment somebody connects: from then on there is a last word. */
function openSocket(address: GdbAddress): Promise<Opened | string> {
  return new Promise((resolve) => {
    const socket = 'path' in address ? connect(address.path) : connect(address.port, address.host);
    let lastWord: Disposable | null = null;
    const prepare = () => {
      lastWord ??= socket.destroyed ? null : holdLastWord(socket, END_PACKET + AFTERWARDS + DETACH);
    };
    // Of a path the connection is there now, of an address after this turn; of a name when it has been looked up.
    prepare();
    process.nextTick(prepare);
    const timer = setTimeout(() => refuse(`no connection within ${CONNECT_TIMEOUT_MS} ms`), CONNECT_TIMEOUT_MS);
    const refuse = (why: string) => {
      clearTimeout(timer);
      lastWord?.dispose();
      socket.destroy();
      resolve(why);
    };
    const onError = (error: Error) => refuse(messageOf(error));
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      prepare();
      resolve({ socket, lastWord });
    });
  });
}
