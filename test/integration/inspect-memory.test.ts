/** Page tables, memory and dumps of a running machine, held against what QEMU itself says of them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InspectSource, MemorySearchEvent } from '../../app/contract/index.ts';
import { diffSpaces } from '../../app/x86/address-space-diff.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';
import { monitor, pagesOf, tlb } from '../support/qemu-pages.ts';

const lab = new Lab();
const folder = mkdtempSync(join(tmpdir(), 'ring0-dumps-'));
afterAll(() => {
  lab.dispose();
  rmSync(folder, { recursive: true });
});

const { inspect } = lab.host;
const TABLES = { processor: 0, cr3: null };
const BASE = 0xffff_ffff_8020_0000n;

describe.each(['shared', 'private'] as const)('a machine whose RAM is %s', (ram) => {
  let machine: TestMachine;
  let source: InspectSource;
  beforeAll(async () => {
    const profile = { ...expectOk(await lab.host.profiles.load('smp4')), ram, cores: 2 };
    machine = await lab.boot({ profile, accelerator: 'tcg' });
    source = { machine: machine.machine.info };
  });
  afterAll(async () => {
    await machine.stop();
  });

  it('its address space is what QEMU finds in its tables', async () => {
    const space = expectOk(await inspect.addressSpace(source, TABLES));
    expect([space.mode, space.truncated]).toEqual(['4-level', '']);
    const [ours, theirs] = [pagesOf(space), await tlb(machine)];
    expect(theirs.size).toBeGreaterThan(500);
    expect([...ours].sort()).toEqual([...theirs].sort());
    // Our kernel writes nothing that it executes, and knows no user mode.
    expect(space.findings.filter(({ kind }) => kind === 'w-and-x' || kind === 'user')).toEqual([]);
    expect(space.findings.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['direct-map', 'guard']));
    expect(space.ranges.find(({ start }) => BigInt(start) === BASE)?.label).toContain('.text');
  });

  it('a walk ends where QEMU says', async () => {
    for (const address of [BASE + 0x1234n, 0xffff_8000_0010_0000n]) {
      const walk = expectOk(await inspect.walk(source, TABLES, address));
      const said = await monitor(machine, `gva2gpa 0x${address.toString(16)}`);
      expect(said).toContain(`gpa: ${walk.physical}`);
      expect(walk.steps.map(({ name }) => name).slice(0, 3)).toEqual(['PML4E', 'PDPTE', 'PDE']);
    }
    expect(expectOk(await inspect.walk(source, TABLES, 0x1000n))).toMatchObject({ outcome: 'absent', physical: null });
    expect(expectOk(await inspect.walk(source, TABLES, 1n << 50n)).outcome).toBe('not-an-address');
    const unknown = await inspect.walk(source, { processor: 9, cr3: null }, 0n);
    expect(unknown).toMatchObject({ ok: false, error: { code: 'no-processor' } });
  });

  it('memory is what QEMU prints of it, and every processor has its own', async () => {
    const { address, size } = expectOk(await inspect.resolve(source, 'RING0_BOOT_REPORT', 0));
    expect(size).toBeGreaterThan(100);
    const place = { space: 'virtual', processor: 1, address: BigInt(address) } as const;
    const view = expectOk(await inspect.memory(source, place, 64));
    const bytes = Buffer.from(view.data, 'base64');
    expect([bytes.subarray(0, 8).toString(), view.symbol]).toEqual(['R0BOOTRP', 'RING0_BOOT_REPORT']);
    const printed = await monitor(machine, `xp /64bx ${view.physical}`);
    const theirs = [...printed.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, digits = '']) => digits).join('');
    expect(bytes.toString('hex')).toBe(theirs);
    const beyond = expectOk(await inspect.memory(source, { ...place, address: 0n }, 32));
    expect(beyond).toMatchObject({ present: [], physical: null });
    const rsp = [
      expectOk(await inspect.resolve(source, '$rsp', 0)),
      expectOk(await inspect.resolve(source, '$rsp', 1)),
    ];
    expect(rsp[0]?.address).not.toBe(rsp[1]?.address);
  });

  it('bytes are found, at linear and at physical addresses, and a search can be left', async () => {
    const pattern = Buffer.from('R0BOOTRP');
    const find = async (space: 'virtual' | 'physical', limit = 64) => {
      const events: MemorySearchEvent[] = [];
      for await (const event of inspect.search(source, { space, processor: 0, pattern, limit })) events.push(event);
      return events;
    };
    const { address } = expectOk(await inspect.resolve(source, 'RING0_BOOT_REPORT', 0));
    const matches = (events: MemorySearchEvent[]) => events.flatMap((it) => (it.kind === 'match' ? [it.address] : []));
    expect(matches(await find('virtual'))).toContain(address);
    const { physical } = expectOk(await inspect.walk(source, TABLES, BigInt(address)));
    expect(matches(await find('physical'))).toContain(physical);
    expect((await find('virtual', 1)).at(-1)).toEqual({ kind: 'finished', matches: 1, more: true });
    const controller = new AbortController();
    controller.abort();
    for await (const event of inspect.search(
      source,
      { space: 'physical', processor: 0, pattern, limit: 1 },
      { signal: controller.signal },
    ))
      expect(event).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
  });

  it('memory is changed only while the machine stands still, and only if what is there was seen', async () => {
    const { address } = expectOk(await inspect.resolve(source, 'RING0_BOOT_REPORT', 0));
    const place = { space: 'virtual', processor: 0, address: BigInt(address) } as const;
    const [old, next] = [Buffer.from('R0'), Buffer.from('XY')];
    expect((await inspect.write(source, place, next, old)).ok).toBe(false);
    expectOk(await machine.machine.pause());
    if (ram === 'shared') {
      expect(await inspect.write(source, place, next, Buffer.from('ZZ'))).toMatchObject({
        ok: false,
        error: { code: 'changed-meanwhile' },
      });
      expect(expectOk(await inspect.write(source, place, next, old))).toMatchObject({ before: '5230', after: '5859' });
      const seen = expectOk(await inspect.memory(source, place, 8));
      expect(Buffer.from(seen.data, 'base64').toString()).toBe('XYBOOTRP');
      expectOk(await inspect.write(source, place, old, next));
    } else
      expect(await inspect.write(source, place, next, old)).toMatchObject({ ok: false, error: { code: 'read-only' } });
    expectOk(await machine.machine.resume());
  });

  it('a dump tells how far it is, and one that is cancelled leaves nothing, and a machine that goes on', async () => {
    const cancel = new AbortController();
    const told: number[] = [];
    const path = join(folder, 'new', `${ram}-cancelled.elf`);
    const ended = await inspect.dump(source, path, {
      signal: cancel.signal,
      onProgress({ done, total }) {
        told.push(done / (total ?? 1));
        cancel.abort();
      },
    });
    expect(ended).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(told[0]).toBeGreaterThan(0);
    expect(told.at(-1)).toBeLessThan(0.9);
    expect(readdirSync(join(folder, 'new'))).toEqual([]);
    expect(readdirSync(machine.machine.info.runDirectory).filter((name) => name.startsWith('.memory'))).toEqual([]);
    // Neither the machine nor QEMU is stuck with it.
    expect(await machine.shell('help')).toContain('help');
    expect(machine.machine.state.phase).toBe('running');
  });

  it('a dump shows what the machine showed', async () => {
    const path = join(folder, `${ram}.elf`);
    expectOk(await machine.machine.pause());
    const live = expectOk(await inspect.addressSpace(source, TABLES));
    const written = expectOk(await inspect.dump(source, path));
    expect(written.recorded).toBeGreaterThan(10);
    const dump = { dump: path };
    const saved = expectOk(await inspect.addressSpace(dump, TABLES));
    // The dump leaves out what is no RAM to QEMU; nothing is mapped otherwise.
    expect(diffSpaces(live.ranges, saved.ranges)).toEqual([]);
    expect(expectOk(await inspect.describeDump(path))).toMatchObject({ processors: 2, recorded: true, lacks: [] });
    expect(expectOk(await inspect.boot(dump))).toEqual(expectOk(await inspect.boot(source)));
    const view = async (from: InspectSource) =>
      expectOk(await inspect.memory(from, { space: 'virtual', processor: 0, address: BASE + 0x1000n }, 4096)).data;
    expect(await view(dump)).toBe(await view(source));
    const away = await inspect.write(
      dump,
      { space: 'physical', processor: 0, address: 0n },
      Buffer.of(1),
      Buffer.of(0),
    );
    expect(away).toMatchObject({ ok: false, error: { code: 'read-only' } });
    // The same file without what lies beside it is a core as anybody makes it.
    rmSync(written.sidecar);
    const plain = expectOk(await inspect.describeDump(path));
    expect([plain.processors, plain.recorded, plain.lacks.length]).toEqual([2, false, 5]);
    expect(plain.lacks[0]).toContain(`there is no ${written.sidecar}`);
    // What somebody else has put there is not said to be missing.
    writeFileSync(written.sidecar, '{"version":2}');
    expect(expectOk(await inspect.describeDump(path)).lacks[0]).toMatch(/is none of this studio's records.*version/);
    rmSync(written.sidecar);
    const bare = expectOk(await inspect.addressSpace(dump, TABLES));
    expect(diffSpaces(live.ranges, bare.ranges)).toEqual([]);
    expect(await inspect.boot(dump)).toMatchObject({ ok: false, error: { code: 'no-kernel-image' } });
    expect(readFileSync(path).subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expectOk(await machine.machine.resume());
  });
});
