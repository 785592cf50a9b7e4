import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLineTable } from '../../app/wire/dwarf/line.ts';
import { joinPath } from '../../app/wire/dwarf/line-header.ts';
import { readElf } from '../../app/wire/elf.ts';
import { Lab } from '../support/lab.ts';

const lab = new Lab();
let elfPath = '';
beforeAll(async () => {
  elfPath = (await lab.kernel()).elfPath;
});
afterAll(() => lab.dispose());

/** Who else reads line tables here, and how it is asked. */
const ORACLES = [
  ['/usr/bin/llvm-symbolizer', ['--no-inlines', '--functions=none', '--obj']],
  ['/usr/bin/addr2line', ['-e']],
] as const;

it("the kernel's line table says what the platform's own tool says", (context) => {
  const [tool, options] = ORACLES.find(([path]) => existsSync(path)) ?? [];
  if (tool === undefined || options === undefined) return context.skip('needs llvm-symbolizer or addr2line');
  const bytes = new Uint8Array(readFileSync(elfPath));
  const elf = readElf(bytes);
  if (!elf.ok) throw new Error(elf.error.why);
  const table = readLineTable(bytes, elf.value);
  if (!table.ok) throw new Error(table.error.why);
  expect(table.value.problems).toEqual([]);
  const text = elf.value.sections.find(({ name }) => name === '.text');
  if (text === undefined) throw new Error('the kernel has no .text');
  // A fixed walk with a step that is no power of two: the same addresses in every run, and all parts of the image.
  const addresses: bigint[] = [];
  for (let offset = 0; offset < text.size; offset += 331) addresses.push(text.address + BigInt(offset));
  const input = addresses.map((address) => `0x${address.toString(16)}\n`).join('');
  const answers = execFileSync(tool, [...options, elfPath], { input, maxBuffer: 64 << 20, encoding: 'utf8' });
  const expected = answers.split('\n').filter((line) => line !== '');
  expect(expected).toHaveLength(addresses.length);
  let compared = 0;
  addresses.forEach((address, n) => {
    const [, file = '', line = ''] = /^(.*?):(\d+)(?::\d+)?(?: \(discriminator \d+\))?$/.exec(expected[n] ?? '') ?? [];
    // Code without a line of its own: the tools leave it open.
    if (file.startsWith('??') || line === '' || line === '0') return;
    const place = table.value.lookup(address);
    expect(`${place?.file}:${place?.line}`, `0x${address.toString(16)}`).toBe(`${joinPath('', file)}:${line}`);
    compared++;
  });
  expect(compared).toBeGreaterThan(addresses.length / 2);
});
