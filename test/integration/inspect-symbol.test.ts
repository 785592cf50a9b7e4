/** Statics of the running kernel by their types, held against the kernel's own records and against gdb. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InspectSource, TypedValue } from '../../app/contract/index.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';

const lab = new Lab();
const { inspect } = lab.host;
let machine: TestMachine;
let source: InspectSource;
const hasGdb = spawnSync('gdb', ['--version']).status === 0;

beforeAll(async () => {
  machine = await lab.boot({ accelerator: 'tcg' });
  source = { machine: machine.machine.info };
});
afterAll(() => lab.dispose());

const symbol = async (name: string, type: string | null = null) =>
  expectOk(await inspect.symbol(source, { name, type, processor: 0 }));
const field = (value: TypedValue, ...path: string[]): TypedValue =>
  path.reduce((at, name) => {
    const found = at.children.find((it) => it.name === name);
    if (found === undefined)
      throw new Error(`${at.type} has no ${name}: ${at.children.map((it) => it.name).join(' ')}`);
    return found;
  }, value);

it('a record says by its type what it says by its layout', async () => {
  const { value, type, torn } = await symbol('RING0_BOOT_REPORT');
  const report = expectOk(await inspect.boot(source));
  expect([type, torn]).toEqual(['BootReport', false]);
  expect(field(value, 'header', 'magic').text).toBe('"R0BOOTRP"');
  expect(BigInt(field(value, 'entry_tsc').text.split(' ')[0] ?? '')).toBe(BigInt(report.entryTsc));
  expect(field(value, 'cores_online').text).toBe(String(report.coresOnline));
  // The same memory by its address, with the type named.
  const again = await symbol((await symbol('RING0_BOOT_REPORT')).address, 'BootReport');
  expect(again.value.children.map(({ name }) => name)).toEqual(value.children.map(({ name }) => name));
});

it('parts of a static are asked for as gdb is asked', async () => {
  const spans = expectOk(await inspect.trace(source)).spans;
  const ring = (await symbol('RING0_TRACE_RING')).value;
  const length = field(ring, 'spans').children.length + field(ring, 'spans').omitted;
  const { value, type, name, address, bytes } = await symbol('RING0_TRACE_RING.spans[1000..1020]');
  expect([name, type, bytes]).toEqual(['ring0::records::RING0_TRACE_RING.spans[1000..1020]', '[Span; 20]', 640]);
  expect(value.children.map((it) => it.name)).toEqual(Array.from({ length: 20 }, (_, n) => `${1000 + n}`));
  // Where gdb has them, and what the record's own layout says of the 1003rd.
  expect(BigInt(address)).toBe(BigInt(field(ring, 'spans').address) + 32_000n);
  const span = spans.find(({ number }) => number % length === 1003);
  if (span !== undefined) {
    const token = await symbol('RING0_TRACE_RING.spans[1003].token');
    expect(Number(token.value.text.split(' ')[0])).toBe(span.token);
  }
  expect((await symbol(`RING0_TRACE_RING.spans[${length - 1}]`)).value.address).toBe(
    `0x${(BigInt(field(ring, 'spans').address) + BigInt(length - 1) * 32n).toString(16)}`,
  );
  // Memory without a name of its own, by its type.
  const header = await symbol(`${(await symbol('RING0_BOOT_REPORT')).address}.header.magic`, 'BootReport');
  expect(header.value.text).toBe('"R0BOOTRP"');
  const ask = (it: string) => inspect.symbol(source, { name: it, type: null, processor: 0 });
  expect(await ask(`RING0_TRACE_RING.spans[${length}]`)).toMatchObject({
    error: { code: 'out-of-bounds', why: expect.stringContaining(`length is ${length}`) },
  });
  expect(await ask('RING0_TRACE_RING.slots')).toMatchObject({
    error: { code: 'no-field', why: expect.stringContaining('capacity, span_bytes, head') },
  });
  expect(await ask('RING0_TRACE_RING[x]')).toMatchObject({ error: { code: 'bad-path' } });
  expect(await ask('NOBODY.spans[3]')).toMatchObject({ error: { code: 'no-symbol' } });
});

it('what cannot be is said', async () => {
  const ask = (name: string, type: string | null = null) => inspect.symbol(source, { name, type, processor: 0 });
  expect(await ask('RING0_BOOT_REPORTS')).toMatchObject({ ok: false, error: { code: 'no-symbol' } });
  expect(await ask('0x1000')).toMatchObject({ ok: false, error: { code: 'no-type' } });
  expect(await ask('0x1000', 'BootReport')).toMatchObject({ ok: false, error: { code: 'not-mapped' } });
  expect(await ask('0x1000', 'NoSuchType')).toMatchObject({ ok: false, error: { code: 'no-type' } });
  const found = expectOk(await inspect.typed(source, 'boot report', 20));
  expect(found.map((it) => it.name)).toContain('ring0::records::RING0_BOOT_REPORT');
});

it.skipIf(!hasGdb)('sizes, offsets and initial values are what gdb reads out of the same image', async () => {
  const { elfPath } = machine.machine.info;
  const statics = expectOk(await inspect.typed(source, '', 200)).filter(
    (it) => it.address !== null && /^ring0[\w:]*$/.test(it.name),
  );
  expect(statics.length).toBeGreaterThan(20);
  const asked = statics.slice(0, 40);
  const { value } = await symbol('RING0_BOOT_REPORT');
  const token = (await symbol('RING0_TRACE_RING.spans[1003].token')).address;
  const fields = value.children.map(({ name }) => name);
  const expressions = [
    ...asked.map((it) => `sizeof(${it.name})`),
    ...fields.map((name) => `&ring0::records::RING0_BOOT_REPORT.${name} as usize`),
    'ring0::records::RING0_BOOT_REPORT.header.length',
    '&ring0::records::RING0_TRACE_RING.spans[1003].token as usize',
  ];
  const { stdout } = spawnSync(
    'gdb',
    ['-nx', '-batch', '-ex', 'set language rust', ...expressions.flatMap((it) => ['-ex', `print ${it}`]), elfPath],
    { encoding: 'utf8' },
  );
  const said = [...stdout.matchAll(/^\$\d+ = (\d+)$/gm)].map(([, digits = '']) => BigInt(digits));
  expect(said).toEqual([
    ...asked.map((it) => BigInt(it.bytes)),
    ...value.children.map(({ address }) => BigInt(address)),
    BigInt(field(value, 'header', 'length').text.split(' ')[0] ?? ''),
    BigInt(token),
  ]);
});
