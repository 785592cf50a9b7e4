/** Memory and page tables of a Linux that nobody here made, held against what QEMU says of it, live and in a dump; and what is missing there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import type { InspectSource } from '../../app/contract/index.ts';
import { diffSpaces } from '../../app/x86/address-space-diff.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { bootLinux, linuxFiles, needLinux } from '../support/linux-guest.ts';
import { monitor, pagesOf, tlb } from '../support/qemu-pages.ts';

const lab = new Lab();
const { inspect } = lab.host;
const folder = mkdtempSync(join(tmpdir(), 'r0-linux-dump-'));
const CORES = 2;
let machine: TestMachine | undefined;

beforeAll(async () => {
  const files = linuxFiles();
  if (typeof files === 'string') return;
  machine = await bootLinux(lab, files, { cores: CORES });
  // Tables of a Linux change all the time: QEMU and we must see the same moment.
  expectOk(await machine.machine.pause());
});
afterAll(async () => {
  await machine?.stop();
  lab.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** The machine, or the reason why there is none. */
function linux(context: TestContext): { readonly machine: TestMachine; readonly source: InspectSource } {
  needLinux(context);
  if (machine === undefined) throw new Error('there is a kernel, and it was not started');
  return { machine, source: { machine: machine.machine.info } };
}
const TABLES = { processor: 0, cr3: null };
const bytesOf = (printed: string) =>
  [...printed.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, digits = '']) => digits).join('');

/** Where a kernel surely has memory: its stack, its code, its tables, the per-core data. */
async function places(source: InspectSource): Promise<[name: string, address: bigint][]> {
  const [processor] = expectOk(await inspect.cpu(source)).processors;
  const rsp = BigInt(expectOk(await inspect.resolve(source, '$rsp', 0)).address);
  const rip = BigInt(expectOk(await inspect.resolve(source, '$rip', 0)).address);
  return [
    ['stack', rsp],
    ['code', rip & ~63n],
    ['GDT', BigInt(processor?.gdt.base ?? '0x0')],
    ['IDT', BigInt(processor?.idt.base ?? '0x0')],
    ['per-core data', BigInt(processor?.segments.find(({ name }) => name === 'gs')?.base ?? '0x0')],
  ];
}

it('its memory is what QEMU prints, by linear and by physical address', async (context) => {
  const { machine, source } = linux(context);
  for (const [name, address] of await places(source)) {
    const at = `0x${address.toString(16)}`;
    const virtual = expectOk(await inspect.memory(source, { space: 'virtual', processor: 0, address }, 128));
    expect(virtual.present, `${name} at ${at}`).toEqual([{ offset: 0, bytes: 128 }]);
    const hex = Buffer.from(virtual.data, 'base64').toString('hex');
    expect([name, hex]).toEqual([name, bytesOf(await monitor(machine, `x /128bx ${at}`))]);
    const physical = BigInt(virtual.physical ?? '0x0');
    const there = expectOk(await inspect.memory(source, { space: 'physical', processor: 0, address: physical }, 64));
    const printed = bytesOf(await monitor(machine, `xp /64bx ${virtual.physical}`));
    expect([name, Buffer.from(there.data, 'base64').toString('hex')]).toEqual([name, printed]);
    // It says so of itself, unless the page is another one after 64 bytes.
    if ((physical & 0xfffn) + 64n <= 0x1000n) expect(printed).toBe(hex.slice(0, 128));
  }
});

it('a walk ends where QEMU translates to, entry by entry', async (context) => {
  const { machine, source } = linux(context);
  for (const [name, address] of await places(source)) {
    const walk = expectOk(await inspect.walk(source, TABLES, address));
    const said = await monitor(machine, `gva2gpa 0x${address.toString(16)}`);
    expect([name, said.trim()]).toEqual([name, `gpa: ${walk.physical}`]);
    const names = walk.mode === '5-level' ? ['PML5E', 'PML4E', 'PDPTE'] : ['PML4E', 'PDPTE'];
    expect(walk.steps.map((it) => it.name).slice(0, names.length)).toEqual(names);
    // Each entry stands in RAM where the walk says that it read it.
    for (const { address: at, entry } of walk.steps) {
      const printed = bytesOf(await monitor(machine, `xp /8bx ${at}`));
      expect(`0x${BigInt(`0x${Buffer.from(printed, 'hex').reverse().toString('hex')}`).toString(16)}`).toBe(entry);
    }
  }
  const hole = expectOk(await inspect.walk(source, TABLES, 0xffff_ff00_dead_0000n));
  expect([hole.physical, await monitor(machine, 'gva2gpa 0xffffff00dead0000')]).toEqual([
    null,
    expect.stringContaining('Unmapped'),
  ]);
});

it('its address space is what QEMU finds in its tables', async (context) => {
  const { machine, source } = linux(context);
  const space = expectOk(await inspect.addressSpace(source, TABLES));
  // QEMU's `max` processor has LA57, and this kernel uses it where it finds it.
  const la57 =
    (BigInt(
      expectOk(await inspect.cpu(source)).processors[0]?.registers.find((it) => it.name === 'cr4')?.value ?? '0x0',
    ) >>
      12n) &
    1n;
  expect([space.mode, space.truncated]).toEqual([la57 === 1n ? '5-level' : '4-level', '']);
  const [ours, theirs] = [pagesOf(space), await tlb(machine)];
  expect(theirs.size).toBeGreaterThan(1000);
  expect(ours.size).toBe(theirs.size);
  expect([...ours].filter((page) => theirs.get(page[0]) !== page[1])).toEqual([]);
});

it('says what is missing where there is no debug information, and what works without', async (context) => {
  const { source } = linux(context);
  const symbol = await inspect.symbol(source, { name: 'init_task', type: null, processor: 0 });
  const typed = await inspect.typed(source, 'task', 5);
  const resolved = await inspect.resolve(source, 'init_task', 0);
  for (const answer of [symbol, typed, resolved]) {
    expect(answer).toMatchObject({ ok: false, error: { code: 'no-symbols' } });
    if (answer.ok) continue;
    const { what, why, fix } = answer.error;
    expect(what).toBe('This kernel comes without symbols.');
    expect(why).toContain('vmlinuz');
    expect(fix).toMatch(/address/);
  }
  // Registers and numbers need none.
  expect((await inspect.resolve(source, '$rsp+0x10', 1)).ok).toBe(true);
});

it('a dump of it shows the same', async (context) => {
  const { source } = linux(context);
  const dump = { dump: join(folder, 'linux.elf') };
  expectOk(await inspect.dump(source, dump.dump));
  const ranges = async (of: InspectSource) => expectOk(await inspect.addressSpace(of, TABLES)).ranges;
  expect(diffSpaces(await ranges(source), await ranges(dump))).toEqual([]);
  for (const [, address] of await places(source)) {
    const at = { space: 'virtual', processor: 0, address } as const;
    expect(expectOk(await inspect.memory(dump, at, 256)).data).toBe(
      expectOk(await inspect.memory(source, at, 256)).data,
    );
  }
  expect(await inspect.symbol(dump, { name: 'init_task', type: null, processor: 0 })).toMatchObject({
    ok: false,
    error: { code: 'no-symbols' },
  });
}, 120_000);
