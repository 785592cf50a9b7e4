/** A QEMU of somebody else, looked at through its gdb stub: the same as through its RAM file, and it runs on afterwards. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { InspectSource, MemorySearchEvent, RingEvent } from '../../app/contract/index.ts';
import { coreProgramHeaders, readCoreHeader } from '../../app/wire/core-file.ts';
import { formatPacket } from '../../app/wire/gdb-remote.ts';
import { Inspector } from '../../main/services/inspect/index.ts';
import { CommandLine } from '../support/command-line.ts';
import { ForeignQemu } from '../support/foreign-qemu.ts';
import { expectOk, Lab } from '../support/lab.ts';

const lab = new Lab();
const ring0 = new CommandLine();
let qemu: ForeignQemu;
let inspect: Inspector;
let through: InspectSource;
let direct: InspectSource;
let port = 0;

beforeAll(async () => {
  const { elfPath } = await lab.kernel();
  port = await freePort();
  const args = [
    ...['-drive', `if=none,id=d,format=raw,readonly=on,file=${await lab.anyModel()}`],
    ...['-device', 'virtio-blk-pci,drive=d,id=model0,disable-legacy=on'],
    ...[
      '-netdev',
      `user,id=n,hostfwd=tcp:127.0.0.1:${port}-:8080`,
      '-device',
      'virtio-net-pci,netdev=n,id=net0,disable-legacy=on',
    ],
  ];
  qemu = await ForeignQemu.start(elfPath, args, 2, 128);
  inspect = new Inspector({ ask: qemu.ask, hold: async () => ({ ok: true, value: async () => {} }) });
  direct = { machine: qemu.info };
  through = { gdb: { path: qemu.gdbPath }, kernel: elfPath };
  await qemu.serialSays('ring0> ');
}, 240_000);
afterAll(() => {
  ring0.dispose();
  inspect.dispose();
  qemu.dispose();
  lab.dispose();
});

const TABLES = { processor: 0, cr3: null };
const PLACE = { space: 'virtual', processor: 0, address: 0xffff_ffff_8020_0000n } as const;
/** Every subject, as two ways of looking must see it alike. */
const SUBJECTS: Readonly<Record<string, (source: InspectSource) => Promise<{ ok: boolean }>>> = {
  tables: (it) => inspect.tables(it, 1),
  irq: (it) => inspect.irq(it),
  walk: (it) => inspect.walk(it, TABLES, PLACE.address),
  addressSpace: (it) => inspect.addressSpace(it, TABLES),
  memory: (it) => inspect.memory(it, PLACE, 65_536),
  symbol: (it) => inspect.symbol(it, { name: 'RING0_BOOT_REPORT', type: null, processor: 0 }),
  elements: (it) => inspect.symbol(it, { name: 'RING0_TRACE_RING.spans[900..920]', type: null, processor: 0 }),
  boot: (it) => inspect.boot(it),
  drivers: (it) => inspect.drivers(it),
  trace: (it) => inspect.trace(it),
};

it('sees of a machine that stands still what its RAM file and QMP say', async () => {
  expectOk(await qemu.qmp.execute('stop'));
  onTestFinished(async () => void (await qemu.qmp.execute('cont')));
  for (const [name, look] of Object.entries(SUBJECTS))
    expect([name, expectOk((await look(through)) as never)]).toEqual([name, expectOk((await look(direct)) as never)]);
  const [cpu, ours] = [expectOk(await inspect.cpu(through)), expectOk(await inspect.cpu(direct))];
  const registers = ({ processors }: typeof cpu) =>
    processors.map(({ general, segments, gdt, idt, addresses }) => ({
      ...{ general, segments, gdt, idt },
      addresses: addresses.filter(({ name }) => name !== 'cr8'),
    }));
  expect(registers(cpu)).toEqual(registers(ours));
  // Two that QEMU's monitor does not tell, and its stub does.
  expect(cpu.processors[0]?.addresses).toContainEqual({ name: 'cr8', value: '0x0' });
  const kernelGs = ({ msrs }: typeof cpu) =>
    msrs?.processors.map(({ registers }) => {
      const { from, value } = registers.find(({ name }) => name === 'kernel_gs_base') ?? {};
      return [from, value];
    });
  expect(kernelGs(cpu)).toEqual([0, 1].map(() => ['now', '0x0']));
  expect(kernelGs(ours)).toEqual([0, 1].map(() => ['kernel', '0x0']));
  const virtio = async (source: InspectSource) =>
    expectOk(await inspect.virtio(source, { apartMs: 0, hints: [] })).devices.map((it) => ({ ...it, verdicts: [] }));
  expect(await virtio(through)).toEqual(await virtio(direct));
  // It stood still before: whoever paused it finds it so.
  expect(await qemu.runs()).toBe(false);
});

it('lets a machine that ran go on, after each look, after a mistake, and after the one who looked was killed', async () => {
  for (let n = 0; n < 3; n++) {
    expectOk(await inspect.cpu(through));
    expect(await qemu.runs()).toBe(true);
  }
  expect((await inspect.tables(through, 9)).ok).toBe(false);
  expect(await qemu.runs()).toBe(true);
  // A process that holds the machine and dies without a chance to say anything.
  const { child, said } = await qemu.heldBy("console.log(stub.ok ? 'held' : JSON.stringify(stub.error));");
  expect(said).toBe('held');
  expect(await qemu.runs()).toBe(false);
  child.kill('SIGKILL');
  await expect.poll(() => qemu.runs(), { timeout: 20_000 }).toBe(true);
});

it('is what the command line shows', async () => {
  const args = ['inspect', 'cpu', '--json', '--gdb', `unix:${qemu.gdbPath}`];
  const { code, stdout, stderr } = await ring0.run(args);
  expect([code, stderr]).toEqual([0, '']);
  const view = JSON.parse(stdout);
  expect(view.processors).toHaveLength(2);
  expect(await qemu.runs()).toBe(true);
});

it('does not wait for ever behind another client, and does not stop the machine when that one goes', async () => {
  const { GdbStub } = await import('../../main/services/inspect/gdb/stub.ts');
  const first = expectOk(await GdbStub.connect({ path: qemu.gdbPath }));
  expect(await inspect.cpu(through)).toMatchObject({ ok: false, error: { code: 'no-gdb-stub' } });
  await first.leave();
  await expect.poll(() => qemu.runs(), { timeout: 20_000 }).toBe(true);
});

describe('long work, for which the machine is held', () => {
  const still = async () => {
    expectOk(await qemu.qmp.execute('stop'));
    onTestFinished(async () => void (await qemu.qmp.execute('cont')));
  };
  const found = async (source: InspectSource, space: 'physical' | 'virtual', text: string, signal?: AbortSignal) => {
    const events: MemorySearchEvent[] = [];
    const question = { space, processor: 0, pattern: Buffer.from(text), limit: 1000 };
    for await (const it of inspect.search(source, question, { signal })) events.push(it);
    return { matches: events.filter(({ kind }) => kind === 'match'), end: events.at(-1), told: events.length };
  };

  it.each(['physical', 'virtual'] as const)('a search of %s memory finds what is in the RAM file', async (space) => {
    await still();
    const [ours, theirs] = [await found(through, space, 'ring0> '), await found(direct, space, 'ring0> ')];
    expect(ours.matches.length).toBeGreaterThan(0);
    expect(ours.matches).toEqual(theirs.matches);
    expect(ours.end).toEqual(theirs.end);
    // It told how far it is, for every MiB.
    expect(ours.told - ours.matches.length).toBeGreaterThan(100);
  });

  it('a search that is cancelled, or left, lets the machine go on', async () => {
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 300);
    const { end } = await found(through, 'physical', 'nothing of the kind', cancel.signal);
    expect(end).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(await qemu.runs()).toBe(true);
    const question = { space: 'physical', processor: 0, pattern: Buffer.from('ring0> '), limit: 1000 } as const;
    for await (const { kind } of inspect.search(through, question)) if (kind === 'match') break;
    expect(await qemu.runs()).toBe(true);
  });

  it('a dump holds memory as the RAM file does, and shows of every subject what the stub showed', async () => {
    await still();
    const path = join(qemu.folder, 'through.elf');
    const told: number[] = [];
    const written = expectOk(await inspect.dump(through, path, { onProgress: ({ done }) => told.push(done) }));
    expect(told.length).toBeGreaterThan(100);
    expect(written.lacks.join('\n')).toContain(`gdb stub ${qemu.gdbPath}`);
    expect(written.lacks.join('\n')).toContain('query-version');
    const dump = { dump: path };
    expect(expectOk(await inspect.describeDump(path))).toMatchObject({
      ...{ processors: 2, recorded: true, profile: null, kernel: qemu.info.elfPath, lacks: written.lacks },
    });
    for (const [name, look] of Object.entries(SUBJECTS))
      expect([name, expectOk((await look(dump)) as never)]).toEqual([name, expectOk((await look(through)) as never)]);
    // Registers that only the stub tells are among them.
    expect(expectOk(await inspect.cpu(dump))).toEqual(expectOk(await inspect.cpu(through)));
    const virtio = async (source: InspectSource) => ({
      ...expectOk(await inspect.virtio(source, { apartMs: 0, hints: [] })),
      at: 0,
    });
    expect((await virtio(dump)).devices.map((it) => ({ ...it, verdicts: [] }))).toEqual(
      (await virtio(through)).devices.map((it) => ({ ...it, verdicts: [] })),
    );
    // QEMU's own dump of the same moment has the same in it, its notes included.
    const own = join(qemu.folder, 'own.elf');
    expectOk(await inspect.dump(direct, own));
    for (const file of [path, own]) rmSync(`${file}.json`);
    const registers = async (file: string) =>
      expectOk(await inspect.cpu({ dump: file })).processors.map(({ general, segments, gdt, idt, addresses }) => ({
        ...{ general, segments, gdt, idt, addresses },
      }));
    expect(await registers(path)).toEqual(await registers(own));
    const ram = readFileSync(qemu.info.ramPath);
    const [ours, theirs] = [readFileSync(path), readFileSync(own)].map((bytes) => segmentsOf(bytes));
    expect(ours?.reduce((sum, it) => sum + it.bytes.length, 0)).toBeGreaterThan(127 << 20);
    for (const { start, bytes } of ours ?? []) {
      expect([start, bytes.equals(ram.subarray(start, start + bytes.length))]).toEqual([start, true]);
      const same = theirs?.find((it) => it.start <= start && start + bytes.length <= it.start + it.bytes.length);
      expect(same?.bytes.subarray(start - same.start, start - same.start + bytes.length).equals(bytes)).toBe(true);
    }
  });

  it('a dump that is cancelled leaves nothing; one whose maker is killed lets the machine go on', async () => {
    const folder = join(qemu.folder, 'cancelled');
    const cancel = new AbortController();
    const ended = await inspect.dump(through, join(folder, 'a.elf'), {
      signal: cancel.signal,
      onProgress: () => cancel.abort(),
    });
    expect(ended).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(readdirSync(folder)).toEqual([]);
    expect(await qemu.runs()).toBe(true);
    const maker = ring0.start(['inspect', 'dump', join(folder, 'b.elf'), '--gdb', `unix:${qemu.gdbPath}`]);
    // Memory is on its way, with more of it asked for than the connection holds.
    const size = () => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    await expect.poll(size, { timeout: 60_000, interval: 20 }).toBeGreaterThan(8 << 20);
    expect(await qemu.runs()).toBe(false);
    maker.signal('SIGKILL');
    await expect.poll(() => qemu.runs(), { timeout: 20_000 }).toBe(true);
  });

  it('rings are followed by short looks, between which the machine runs', async () => {
    const cancel = new AbortController();
    const [held, events, states]: [number[], RingEvent[], boolean[]] = [[], [], []];
    let names: (string | undefined)[] = [];
    const started = performance.now();
    for await (const it of inspect.virtioFollow(through, 0, cancel.signal)) {
      expect(it.kind).not.toBe('ended');
      if (it.kind === 'report') names = it.report.devices.map(({ id }) => id);
      if (it.kind !== 'rings') continue;
      held.push(it.heldMs ?? Number.POSITIVE_INFINITY);
      events.push(...it.events);
      states.push(await qemu.runs());
      // Packets that the guest answers: a connection that nobody accepts is enough.
      for (let n = 0; n < 3; n++)
        connect(port, '127.0.0.1', function (this: Socket) {
          this.destroy();
        }).on('error', () => {});
      if (held.length === 4) cancel.abort();
    }
    const tookMs = performance.now() - started;
    expect(names).toEqual(['model0', 'net0']);
    expect(states).toEqual([true, true, true, true]);
    // It stood still for a small part of the time.
    expect(held.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(tookMs / 3);
    expect(tookMs).toBeLessThan(15_000);
    // First how each queue was, then what went over the network, numbered through.
    expect(events.map(({ number }) => number)).toEqual(events.map((_, n) => n + 1));
    expect(events[0]).toMatchObject({ kind: 'snapshot', why: 'the recording began' });
    const net = events.filter(({ device }) => device.includes('net0'));
    expect(net.filter(({ kind }) => kind === 'published').length).toBeGreaterThan(0);
    const used = net.filter((it) => it.kind === 'used');
    expect(used.length).toBeGreaterThan(0);
    expect(used.every(({ inFlightUs }) => inFlightUs === null)).toBe(true);
    // What was told leads from one look to the next as the RAM file has it.
    const report = expectOk(await inspect.virtio(direct, { apartMs: 0, hints: [] }));
    const queue = report.devices.find(({ id }) => id === 'net0')?.queues[0];
    const last = used.filter(({ queue: index }) => index === 0).at(-1)?.position ?? -1;
    expect(((queue?.used?.index ?? 0) - last) & 0xffff).toBeLessThan(256);
    expect(await qemu.runs()).toBe(true);
  });

  it('memory is changed if it is what its reader takes it for, while the machine runs, and QEMU sees it', async () => {
    const { address, size } = expectOk(await inspect.resolve(direct, 'RING0_BOOT_REPORT', 0));
    const at = BigInt(address) + BigInt(size ?? 64) - 16n;
    for (const space of ['virtual', 'physical'] as const) {
      const seen = expectOk(await inspect.memory(direct, { space: 'virtual', processor: 0, address: at }, 16));
      const before = Buffer.from(seen.data, 'base64');
      const place = { space, processor: 0, address: space === 'virtual' ? at : BigInt(seen.physical ?? 0) };
      const wanted = Buffer.from(before.map((byte) => byte ^ 0xa5));
      expect(await inspect.write(through, place, wanted, wanted)).toMatchObject({
        ok: false,
        error: { code: 'changed-meanwhile' },
      });
      expect(expectOk(await inspect.write(through, place, wanted, before))).toMatchObject({
        before: before.toString('hex'),
        after: wanted.toString('hex'),
      });
      expect(expectOk(await inspect.memory(direct, place, 16)).data).toBe(wanted.toString('base64'));
      const back = ['--write', `hex:${before.toString('hex')}`, '--expect', `hex:${wanted.toString('hex')}`];
      const asked = [`0x${place.address.toString(16)}`, ...(space === 'physical' ? ['--physical'] : []), ...back];
      const { code, stdout, stderr } = await ring0.run([
        'inspect',
        'memory',
        ...asked,
        '--gdb',
        `unix:${qemu.gdbPath}`,
      ]);
      expect([code, stderr, stdout]).toEqual([0, '', expect.stringContaining(`is ${before.toString('hex')} now`)]);
      expect(expectOk(await inspect.memory(direct, place, 16)).data).toBe(before.toString('base64'));
    }
    // More than a packet holds, over pages.
    const place = { space: 'physical', processor: 0, address: 0x7ff_e800n } as const;
    const before = Buffer.from(expectOk(await inspect.memory(direct, place, 4096)).data, 'base64');
    const wanted = Buffer.from(before.map((byte, n) => byte ^ n));
    expectOk(await inspect.write(through, place, wanted, before));
    expect(expectOk(await inspect.memory(direct, place, 4096)).data).toBe(wanted.toString('base64'));
    expectOk(await inspect.write(through, place, before, wanted));
    const beyond = { ...place, address: 0x7ff_fff8n };
    expect(await inspect.write(through, beyond, wanted.subarray(0, 16), wanted.subarray(0, 16))).toMatchObject({
      ok: false,
      error: { code: 'not-ram' },
    });
    expect(await qemu.runs()).toBe(true);
  });
});

/** A port that nobody listens at now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Pieces of memory in a core. */
function segmentsOf(file: Buffer): { readonly start: number; readonly bytes: Buffer }[] {
  const head = file.subarray(0, 64);
  const { offset, bytes } = expectOk(coreProgramHeaders(head));
  const { segments } = expectOk(readCoreHeader(head, file.subarray(offset, offset + bytes), file.length));
  return segments.map((it) => ({
    start: Number(it.start),
    bytes: file.subarray(Number(it.offset), Number(it.offset + it.bytes)),
  }));
}

describe('a stub that is not what it says', () => {
  let server: Server;
  const sockets: Socket[] = [];
  const heard: string[] = [];
  const listen = (answer: (heard: string) => string) =>
    new Promise<InspectSource>((resolve) => {
      server = createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => {});
        socket.on('data', (bytes) => {
          heard.push(bytes.toString('latin1'));
          const reply = answer(bytes.toString('latin1'));
          if (reply !== '') socket.write(reply, 'latin1');
        });
      });
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        resolve({ gdb: { host: '127.0.0.1', port }, kernel: null });
      });
    });
  const close = () => {
    for (const it of sockets.splice(0)) it.destroy();
    heard.length = 0;
    server.close();
  };

  it.each([
    ['speaks HTTP', () => 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['stops without end', () => formatPacket('T05').repeat(1000)],
    ['never ends a packet', () => `$${'0'.repeat(300_000)}`],
    [
      'has a monitor that never ends',
      (it: string) =>
        it.includes('qSupported')
          ? formatPacket('T02') + formatPacket('PacketSize=400')
          : it.includes('qRcmd')
            ? formatPacket(`O${'41'.repeat(60_000)}`).repeat(100)
            : `+${formatPacket('1')}`,
    ],
  ])('%s', async (_name, answer) => {
    const source = await listen(answer);
    expect(await inspect.cpu(source)).toMatchObject({ ok: false, error: { code: /gdb/ } });
    // Whatever it is, it was told to go on.
    await expect.poll(() => heard.join('')).toContain('$D#44');
    close();
  });

  it('of which only registers can be known says so', async () => {
    const xml =
      '<target><reg name="rip" bitsize="64"/><reg name="cs" bitsize="32"/><reg name="cr0" bitsize="32"/><reg name="efer" bitsize="64"/></target>';
    const source = await listen((text) =>
      [...text.matchAll(/\$([^#]*)#/g)]
        .map(([, body = '']) => {
          if (body.startsWith('qSupported')) return 'PacketSize=400;qXfer:features:read+';
          if (body.startsWith('qXfer')) return `l${xml}`;
          if (body === 'qfThreadInfo') return 'm1';
          if (body === 'qsThreadInfo') return 'l';
          if (body === 'g') return `${'0000208000000000'}${'10000000'}${'11000080'}${'000d000000000000'}`;
          return body === 'D' || body.startsWith('H') ? 'OK' : '';
        })
        .map((it) => `+${formatPacket(it)}`)
        .join(''),
    );
    const view = expectOk(await inspect.cpu(source));
    expect(view.processors).toMatchObject([{ mode: '64-bit', general: [{ name: 'rip', value: '0x80200000' }] }]);
    expect(view.processors[0]?.segments.map(({ type }) => type)).toContain('not told');
    expect(view.unknown.join('\n')).toContain('Hidden parts of segment registers');
    expect(await inspect.tables(source, 0)).toMatchObject({ ok: false, error: { code: 'no-table-registers' } });
    expect(await inspect.memory(source, { ...PLACE, space: 'physical' }, 16)).toMatchObject({
      ok: false,
      error: { code: 'no-guest-ram' },
    });
    await expect.poll(() => heard.join('')).toContain('$D#44');
    close();
  });
});
