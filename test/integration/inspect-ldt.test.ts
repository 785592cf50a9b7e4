/** An LDT in use, in a guest that is there for it: decoded as QEMU has it, judged, predicted, and the same in a dump. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InspectSource, TableEdit, TablesView, WhatIfQuestion } from '../../app/contract/index.ts';
import { CommandLine } from '../support/command-line.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { bootLdtGuest, LDT_GUEST, typeAtLdtGuest } from '../support/ldt-guest.ts';

const lab = new Lab();
const shell = new CommandLine();
const { inspect } = lab.host;
const folder = mkdtempSync(join(tmpdir(), 'ring0-ldt-'));
let machine: TestMachine;
let source: InspectSource;
beforeAll(async () => {
  machine = await bootLdtGuest(lab, folder);
  source = { machine: machine.machine.info };
});
afterAll(() => {
  shell.dispose();
  lab.dispose();
  rmSync(folder, { recursive: true });
});

async function monitor(line: string): Promise<string> {
  return String(expectOk(await machine.machine.query('human-monitor-command', { 'command-line': line })));
}
const tables = async (of = source) => expectOk(await inspect.tables(of, 0));
const load = (register: 'ds' | 'gs' | 'ldtr', selector: number): WhatIfQuestion => ({
  kind: 'load',
  register,
  selector,
});
async function ask(question: WhatIfQuestion, edits: TableEdit[] = []) {
  return expectOk(await inspect.whatIf(source, { processor: 0, edits, question }));
}
/** What is wrong with the LDT: the guest has no interrupt stacks and no page that is read-only, which is not asked here. */
const wrong = ({ findings }: TablesView) =>
  findings.filter((it) => it.severity !== 'note' && it.rule !== 'double-fault-stack').map(({ rule }) => rule);

it('is what LDTR and memory hold, by the same words as the GDT', async () => {
  const { gdt, ldt, ...rest } = await tables();
  const [, selector, base, limit] =
    /^LDT=(\w{4}) (\w{16}) (\w{8}) \w{8} DPL=0 LDT/m.exec(await monitor('info registers')) ?? [];
  expect([ldt?.selector, ldt?.base, ldt?.limit].map(Number)).toEqual(
    [selector, base, limit].map((it) => Number.parseInt(it ?? '', 16)),
  );
  expect(ldt).toMatchObject({ readableBytes: LDT_GUEST.limit + 1, omitted: 0 });
  expect(ldt?.descriptors.map((it) => [it.selector, it.type, it.dpl, it.users.join(' ')])).toEqual([
    ['0x4', 'code64 execute/read', 0, ''],
    ['0xc', 'data read/write', 0, 'FS'],
    ['0x14', 'data read/write', 3, ''],
    ['0x1c', 'call gate', 0, ''],
    ['0x24', 'upper half', 0, ''],
  ]);
  const words = [...(await monitor(`xp /10xw ${ldt?.base}`)).matchAll(/ 0x([0-9a-f]{8})/g)];
  const bytes = words.map(([, word = '']) => word.match(/../g)?.reverse().join('') ?? '').join('');
  expect(bytes.length).toBe(80);
  expect(ldt?.descriptors.flatMap((it) => (it.kind === 'upper' ? [] : [it.bytes])).join('')).toBe(bytes);
  // GS and FS have the same descriptor, but FS by its copy in the LDT.
  expect(gdt.descriptors.map(({ type, users }) => [type, users])).toEqual([
    ['null', []],
    ['code64 execute/read', ['CS']],
    ['data read/write', ['SS', 'DS', 'ES', 'GS']],
    ['LDT', ['LDTR']],
    ['upper half', []],
  ]);
  expect(wrong({ gdt, ldt, ...rest })).toEqual([]);
  const cpu = expectOk(await inspect.cpu(source));
  const notes = cpu.processors[0]?.segments.map(({ name, note }) => [name, note]);
  expect(notes).toContainEqual(['ldt', null]);
});

it('is predicted as QEMU then does it', async () => {
  expect((await ask(load('gs', LDT_GUEST.data))).before).toMatchObject({ kind: 'loaded' });
  expect(await typeAtLdtGuest(machine, 'd')).toBe('');
  expect((await ask(load('gs', LDT_GUEST.beyond))).before).toMatchObject({
    kind: 'fault',
    outcome: '#GP general protection, error code 0x2c (LDT entry 5)',
  });
  expect(await typeAtLdtGuest(machine, 'b')).toBe('002c');
  // A copy of its bytes is changed; P is bit 7 of byte 5.
  const { before, after } = await ask(load('ds', LDT_GUEST.data), [{ table: 'ldt', offset: 8 + 5, bytes: '13' }]);
  expect([before.kind, after.outcome]).toEqual(['loaded', '#NP segment not present, error code 0xc (LDT entry 1)']);
  const marked = await ask(load('ldtr', LDT_GUEST.ldtr), [{ table: 'gdt', offset: LDT_GUEST.ldtr + 5, bytes: '89' }]);
  expect(marked.after).toMatchObject({ kind: 'fault', outcome: expect.stringContaining('error code 0x18') });
  expect(marked.findings.map(({ rule }) => rule)).toEqual(['ldt-wrong-type']);
});

it('is in a dump as it was, and the command line shows both', async () => {
  expectOk(await machine.machine.pause());
  const path = join(folder, 'dump.elf');
  expectOk(await inspect.dump(source, path));
  expect(await tables({ dump: path })).toEqual(await tables());
  const { code, stdout, stderr } = await shell.run(['inspect', 'ldt', '--dump', path, '--json']);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ldt: (await tables()).ldt });
  const text = await shell.run(['inspect', 'ldt', '--dump', path]);
  expect(text.stdout).toMatch(/^LDT, selector 0x18, at 0x[0-9a-f]+, limit 0x27\n/);
  expect(text.stdout).toMatch(/^000c +ffff00000093cf00 +data read\/write +1 +0 +0x0 +0xffffffff +D G A +FS GS *$/m);
  const what = await shell.run(['inspect', 'ldt', '--dump', path, '--load', 'ds=0xc', '--edit', 'ldt+0xd=13']);
  expect(what.stdout).toContain('→ #NP segment not present, error code 0xc (LDT entry 1)');
  expectOk(await machine.machine.resume());
});

it('has its mistakes named: a descriptor that is written anew, and no LDT at all', async () => {
  await typeAtLdtGuest(machine, 's');
  const stale = await tables();
  expect(wrong(stale)).toEqual(['ldt-stale']);
  expect(stale.findings.find(({ rule }) => rule === 'ldt-stale')?.evidence).toMatch(
    /limit 0x27; GDT\[3\] .*limit 0xf$/,
  );
  // Told with the LDT too, though its row is in the GDT.
  const path = join(folder, 'stale.elf');
  expectOk(await inspect.dump(source, path));
  for (const table of ['ldt', 'gdt'])
    expect((await shell.run(['inspect', table, '--dump', path])).stdout).toContain('warning: The LDT in use is not');
  expect((await shell.run(['inspect', 'idt', '--dump', path])).stdout).not.toContain('The LDT in use');
  expect(await typeAtLdtGuest(machine, 'l')).toBe('');
  expect((await tables()).ldt?.limit).toBe('0xf');
  expect(wrong(await tables())).toEqual([]);

  // Type bits in its second half: hardware refuses what QEMU's emulator takes, and that is said.
  await typeAtLdtGuest(machine, 'u');
  expect(wrong(await tables())).toEqual(['ldt-descriptor-cut']);
  const [attempt] = (await ask(load('ldtr', LDT_GUEST.ldtr))).before.attempts;
  expect(attempt?.checks.find(({ passed }) => !passed)?.emulator).toMatch(/QEMU under TCG does not look/);
  if (machine.machine.info.accelerator.accelerator === 'tcg') expect(await typeAtLdtGuest(machine, 'l')).toBe('');

  await typeAtLdtGuest(machine, 'n');
  const none = await tables();
  expect(none.ldt).toBeNull();
  // GS and FS still name it.
  expect(wrong(none)).toEqual(['ldt-not-loaded', 'ldt-not-loaded']);
  const cpu = expectOk(await inspect.cpu(source));
  expect(cpu.processors[0]?.segments.find(({ name }) => name === 'ldt')?.note).toMatch(/no LDT is in use/);
  const refused = await inspect.whatIf(source, {
    ...{ processor: 0, question: load('ds', LDT_GUEST.data) },
    edits: [{ table: 'ldt', offset: 13, bytes: '13' }],
  });
  expect(refused).toMatchObject({ ok: false, error: { code: 'no-table', why: 'LDTR is null' } });
  expect((await ask(load('gs', LDT_GUEST.data))).before.outcome).toMatch(/error code 0xc/);
  expect(await typeAtLdtGuest(machine, 'd')).toBe('000c');
  expect(await machine.stop()).toBe(true);
});
