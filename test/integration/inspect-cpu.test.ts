/** Processors, descriptor tables and interrupts of running machines, held against what QEMU itself says of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CpuView, InspectSource, IrqView, TablesView } from '../../app/contract/index.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { bootLinux, needLinux } from '../support/linux-guest.ts';

const lab = new Lab();
const folder = mkdtempSync(join(tmpdir(), 'ring0-cpu-'));
// Not in the time of the first test.
beforeAll(() => lab.kernel());
afterAll(() => {
  lab.dispose();
  rmSync(folder, { recursive: true });
});
const { inspect } = lab.host;

const sourceOf = (machine: TestMachine): InspectSource => ({ machine: machine.machine.info });

async function monitor(machine: TestMachine, line: string): Promise<string> {
  return String(expectOk(await machine.machine.query('human-monitor-command', { 'command-line': line })));
}

/** Each processor's piece of QEMU's own text. */
async function qemuSays(machine: TestMachine): Promise<string[]> {
  const text = await monitor(machine, 'info registers -a');
  return text
    .replaceAll('\r', '')
    .split(/^CPU#\d+$/m)
    .slice(1);
}

const digits = (value: string | undefined) => value?.slice(2) ?? '';

/** That what we show is, digit for digit, in QEMU's text. */
async function agreesWithQemu(machine: TestMachine): Promise<CpuView> {
  const texts = await qemuSays(machine);
  const view = expectOk(await inspect.cpu(sourceOf(machine)));
  expect(view.processors.map(({ index }) => index)).toEqual(texts.map((_, n) => n));
  for (const [n, text] of texts.entries()) {
    const it = view.processors[n];
    for (const { name, value } of it?.general ?? [])
      expect(text).toMatch(new RegExp(`\\b${name.toUpperCase()} *=0*${digits(value)}\\b`));
    for (const { name, value } of it?.registers ?? [])
      if (name !== 'xcr0') expect(text).toMatch(new RegExp(`\\b${name.toUpperCase()}=0*${digits(value)}\\b`));
    for (const { name, selector, base, limit } of it?.segments ?? [])
      expect(text).toMatch(
        new RegExp(`^${name.toUpperCase()} *=0*${digits(selector)} 0*${digits(base)} 0*${digits(limit)} `, 'm'),
      );
    for (const name of ['gdt', 'idt'] as const)
      expect(text).toMatch(
        new RegExp(`^${name.toUpperCase()}= +0*${digits(it?.[name].base)} 0*${digits(it?.[name].limit)}$`, 'm'),
      );
    expect(it?.halted).toBe(/HLT=1/.test(text));
  }
  return view;
}

/** A gate's bytes as QEMU reads them from guest-physical memory. */
async function gateByQemu(machine: TestMachine, { idt }: TablesView, vector: number): Promise<string> {
  const linear = BigInt(idt.base) + BigInt(16 * vector);
  const physical = /gpa: (0x[0-9a-f]+)/.exec(await monitor(machine, `gva2gpa 0x${linear.toString(16)}`))?.[1] ?? '';
  const words = [...(await monitor(machine, `xp /4xw ${physical}`)).matchAll(/ 0x([0-9a-f]{8})/g)];
  return words.map(([, word = '']) => word.match(/../g)?.reverse().join('') ?? '').join('');
}

const serious = ({ findings }: TablesView) => findings.filter(({ severity }) => severity !== 'note');

describe.each([
  { profile: 'direct', cores: 1 },
  { profile: 'smp4', cores: 4 },
  { profile: 'uefi', cores: 1 },
])('our kernel on $profile', ({ profile, cores }) => {
  it('has the registers and tables that QEMU sees, without a mistake in them', async () => {
    const machine = await lab.boot({ profile });
    expectOk(await machine.machine.pause());
    const view = await agreesWithQemu(machine);
    expect(view.processors.map(({ mode, paging, cpl }) => [mode, paging, cpl])).toEqual(
      Array.from({ length: cores }, () => ['64-bit', '4-level', 0]),
    );
    expect(view.differences).toEqual([]);
    expect(view.msrs?.processors.map(({ index }) => index)).toEqual(Array.from({ length: cores }, (_, n) => n));
    const booted = view.msrs?.processors.map(
      ({ registers }) => registers.find(({ name }) => name === 'apic_base')?.says,
    );
    expect(booted).toEqual(
      Array.from({ length: cores }, (_, n) => `${n === 0 ? 'the processor that booted; ' : ''}registers at 0xfee00000`),
    );
    for (let processor = 0; processor < cores; processor++) {
      const tables = expectOk(await inspect.tables(sourceOf(machine), processor));
      expect(serious(tables)).toEqual([]);
      expect(tables).toMatchObject({ torn: false, long: true, processors: cores });
      expect(
        tables.gdt.descriptors.filter(({ users }) => users.length > 0).map(({ type, users }) => [type, users]),
      ).toEqual([
        ['code64 execute/read', ['CS']],
        ['data read/write', expect.arrayContaining(['SS'])],
        ['TSS64 busy', ['TR']],
      ]);
      // We have no LDT. The TSS is busy in memory, and QEMU's emulator copies it before: no mistake, but a note.
      expect(tables.ldt).toBeNull();
      const tr = view.processors[processor]?.segments.find(({ name }) => name === 'tr');
      if (machine.machine.info.accelerator.accelerator === 'tcg')
        expect(tr).toMatchObject({
          type: 'TSS64 available',
          note: expect.stringMatching(/before LTR marks the TSS busy/),
        });
      else expect(tr).toMatchObject({ type: 'TSS64 busy', note: null });
      expect(tables.idt.gates).toHaveLength(256);
      for (const vector of [3, 14, 64]) {
        expect(tables.idt.gates[vector]?.bytes).toBe(await gateByQemu(machine, tables, vector));
        expect(tables.idt.gates[vector]?.symbol).toMatch(/^ring0_vector_stubs\+0x/);
      }
      // Every interrupt stack is guarded and named.
      expect(tables.tss?.stacks.map(({ name, guarded, mappedBytes }) => [name, guarded, mappedBytes > 0])).toEqual(
        [1, 2, 3, 4, 5, 6, 7].map((n) => [`IST${n}`, true, true]),
      );
    }
    const stub = expectOk(await inspect.tables(sourceOf(machine), 0)).idt.gates[13]?.offset ?? '0x0';
    const places = expectOk(await inspect.handler(sourceOf(machine), BigInt(stub), process.cwd()));
    expect(places.places.map(({ symbol }) => symbol)).toEqual(
      expect.arrayContaining([expect.stringContaining('ring0_exception'), expect.stringContaining('ring0_interrupt')]),
    );
    expect(await machine.stop()).toBe(true);
  });
});

it('predicts what QEMU then does: a page fault whose gate is gone', async () => {
  const machine = await lab.boot();
  const source = sourceOf(machine);
  const edits = [{ table: 'idt' as const, offset: 14 * 16, bytes: '00'.repeat(16) }];
  const question = { kind: 'deliver' as const, vector: 14, source: 'exception' as const };
  const { before, after, findings } = expectOk(await inspect.whatIf(source, { processor: 0, edits, question }));
  expect(before).toMatchObject({ kind: 'handler', handler: { vector: 14, ist: 4 } });
  expect(findings.map(({ rule, subject }) => [rule, subject])).toEqual([
    ['gate-missing', { kind: 'gate', vector: 14 }],
  ]);
  expect(after).toMatchObject({ kind: 'handler', handler: { vector: 8, ist: 2 } });

  machine.machine.writeSerial(Buffer.from('panic df\r'));
  const state = await machine.end();
  expect(state).toMatchObject({ phase: 'crashed', crash: { kind: 'exception', epitaph: { vector: 8 } } });
  // The dead machine has exactly this mistake, and the linter finds it.
  const tables = expectOk(await inspect.tables(source, 0));
  expect(serious(tables).map(({ rule, subject }) => [rule, subject])).toEqual([
    ['gate-missing', { kind: 'gate', vector: 14 }],
  ]);
  expect(await machine.stop()).toBe(true);
});

it('predicts what QEMU then does: a selector beyond the GDT', async () => {
  const machine = await lab.boot();
  const question = { kind: 'load' as const, register: 'fs' as const, selector: 0x1230 };
  const { before } = expectOk(await inspect.whatIf(sourceOf(machine), { processor: 0, edits: [], question }));
  expect(before).toMatchObject({ kind: 'fault', outcome: '#GP general protection, error code 0x1230 (GDT entry 582)' });
  machine.machine.writeSerial(Buffer.from('panic gp\r'));
  expect(await machine.end()).toMatchObject({ crash: { epitaph: { vector: 13, errorCode: '0x1230' } } });
  expect(await machine.stop()).toBe(true);
});

/** That ways through IOAPIC and PIC are those that QEMU prints, pin by pin and line by line. */
async function routesAgreeWithQemu(machine: TestMachine): Promise<IrqView> {
  const text = await monitor(machine, 'info pic');
  const irq = expectOk(await inspect.irq(sourceOf(machine)));
  const pins = [
    ...text.matchAll(
      /pin (\d+) .* dest=([0-9a-f]+) vec=(\d+) +active-\S+ (edge|level) +(masked)? .* (physical|logical)/g,
    ),
  ];
  expect(pins.length).toBe(24);
  const expected = pins
    .filter(([, , , , , masked]) => masked === undefined)
    .map(([, pin, dest = '', vector, trigger, , mode]) => {
      const target = Number.parseInt(dest, 16);
      const processors =
        mode === 'physical' ? [target] : irq.lapics.map((it) => it.processor).filter((n) => ((target >> n) & 1) === 1);
      return [`ioapic ${pin}`, Number(vector), processors, trigger];
    });
  const shown = irq.routes
    .filter(({ id, vector }) => id.startsWith('ioapic') && vector !== null)
    .map(({ id, vector, processors, hops }) => {
      const words = hops.find(({ station }) => station === 'message')?.text;
      return [id, vector, processors, /edge|level/.exec(words ?? '')?.[0]];
    });
  expect(shown.sort()).toEqual(expected.sort());
  const lines = [...text.matchAll(/(pic\d): irr=.. imr=(..) isr=.. .*irq_base=(..)/g)].flatMap(
    ([, name, imr = '', base = '']) =>
      [0, 1, 2, 3, 4, 5, 6, 7]
        .filter((line) => ((Number.parseInt(imr, 16) >> line) & 1) === 0 && !(name === 'pic0' && line === 2))
        .map((line) => [`${name} ${line}`, Number.parseInt(base, 16) + line]),
  );
  const open = irq.routes.filter(({ id }) => id.startsWith('pic')).map(({ id, vector }) => [id, vector]);
  expect(open.filter(([id]) => !String(id).startsWith('pci')).sort()).toEqual(lines.sort());
  for (const { processor, requested, inService } of irq.lapics) {
    const lapic = String(
      expectOk(
        await machine.machine.query('human-monitor-command', { 'command-line': 'info lapic', 'cpu-index': processor }),
      ),
    );
    const list = (name: string) =>
      [...(new RegExp(`^${name}\\s+(.*)$`, 'm').exec(lapic)?.[1] ?? '').matchAll(/\b\d+\b/g)].map(Number);
    if (machine.machine.state.phase === 'paused') expect([requested, inService]).toEqual([list('IRR'), list('ISR')]);
  }
  return irq;
}

it('interrupts of a Linux without IOAPIC go through the old controllers, as QEMU has them', async (context) => {
  const machine = await bootLinux(lab, needLinux(context), { cores: 1, append: 'noapic nolapic' });
  expectOk(await machine.machine.pause());
  const { routes } = await routesAgreeWithQemu(machine);
  const serial = routes.find(({ id }) => id === 'pic0 4');
  expect(serial?.hops.map(({ station }) => station)).toEqual([
    ...['source', 'message', 'lapic', 'processor', 'gate', 'handler', 'eoi'],
  ]);
  expect(routes.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  expect(await machine.stop()).toBe(true);
});

it('is right about a Linux that nobody here made, live and in a dump', async (context) => {
  const machine = await bootLinux(lab, needLinux(context), { cores: 2 });
  expectOk(await machine.machine.pause());
  const source = sourceOf(machine);
  const view = await agreesWithQemu(machine);
  expect(view.msrs).toBeNull();
  expect(view.unknown[0]).toMatch(/^Model-specific registers but .* no kernel has written them down/);
  const tables = expectOk(await inspect.tables(source, 0));
  expect(serious(tables)).toEqual([]);
  // Its kernel for clouds knows no machine checks: the gate of #MC still leads to what was freed after boot.
  expect(tables.findings.map(({ rule }) => rule)).toContain('gate-unused-no-code');
  expect(tables.gdt.descriptors.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['code64 execute/read', 'code32 execute/read', 'TSS64 busy']),
  );
  // No process of it has asked for an LDT.
  expect(tables.ldt).toBeNull();
  for (const vector of [2, 14, 128]) {
    expect(tables.idt.gates[vector]).toMatchObject({ present: true });
    expect(tables.idt.gates[vector]?.bytes).toBe(await gateByQemu(machine, tables, vector));
  }
  // Linux gives #DF, NMI and #DB stacks of their own.
  expect([1, 2, 8].every((vector) => (tables.idt.gates[vector]?.ist ?? 0) > 0)).toBe(true);

  const irq = await routesAgreeWithQemu(machine);
  expect(irq.unknown).toEqual([]);
  const routes = irq.routes.filter(({ verdict }) => verdict !== 'off');
  expect(routes.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  // Its network card has MSI-X, and each message a vector with a gate; the serial port has a pin.
  expect(routes.filter(({ id }) => id.startsWith('msi-x')).length).toBeGreaterThanOrEqual(2);
  expect(routes.find(({ id }) => id === 'ioapic 4')).toMatchObject({ device: 'serial port COM1' });

  const path = join(folder, 'linux.dump');
  expectOk(await inspect.dump(source, path));
  const dumped = expectOk(await inspect.tables({ dump: path }, 0));
  expect({ gdt: dumped.gdt, idt: dumped.idt, tss: dumped.tss }).toEqual({
    gdt: tables.gdt,
    idt: tables.idt,
    tss: tables.tss,
  });
  const [live, dead] = [expectOk(await inspect.cpu(source)), expectOk(await inspect.cpu({ dump: path }))];
  expect(dead.processors).toEqual(live.processors);
  expect(await machine.stop()).toBe(true);
});

it('shows the interrupts of our kernel: the timer of each core, and the serial port', async () => {
  const machine = await lab.boot({ profile: 'smp4' });
  const irq = await routesAgreeWithQemu(machine);
  expect(irq.lapics.map(({ processor, enabled }) => [processor, enabled])).toEqual([0, 1, 2, 3].map((n) => [n, true]));
  const [pic] = [...(await monitor(machine, 'info pic')).matchAll(/pin 4 .* vec=(\d+)/g)];
  expect(irq.routes.find(({ id }) => id === 'ioapic 4')).toMatchObject({ vector: Number(pic?.[1]), processors: [0] });
  expect(irq.routes.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  expect(irq.routes.find(({ id }) => id === 'lvt 0 LVTT')?.hops.map(({ station }) => station)).toEqual([
    'source',
    'lapic',
    'processor',
    'gate',
    'handler',
    'eoi',
  ]);
  expect(await machine.stop()).toBe(true);
});

it.each(['direct', 'uefi', 'microvm'])(
  '%s: every core of our kernel is set up alike, and no table has a mistake',
  async (name) => {
    const profile = expectOk(await lab.host.profiles.load(name));
    const machine = await lab.boot({ profile: { ...profile, cores: 2 } });
    const { findings, processors } = expectOk(await inspect.tables(sourceOf(machine), 0));
    expect(processors).toBe(2);
    // What firmware leaves on the first core, the others have too.
    expect(findings.filter(({ severity }) => severity !== 'note')).toEqual([]);
    expect(expectOk(await inspect.cpu(sourceOf(machine))).differences.map((it) => it.name)).not.toContain('cr4');
    expect(await machine.stop()).toBe(true);
  },
);
