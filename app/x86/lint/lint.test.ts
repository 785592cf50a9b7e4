import { expect, test } from 'vitest';
import { TestImage } from '../test-image.ts';
import { lint, RULES } from './index.ts';
import {
  behindAbsent,
  dead,
  IRETQ,
  inLdt,
  LTR,
  ldtLimit,
  longer,
  MISTAKES,
  second,
  set,
  withLdt,
} from './test-mistakes.ts';

test('a machine as it should be has nothing', () => {
  expect(lint(new TestImage().tables())).toEqual([]);
});

test('an LDT as it should be has nothing, whoever uses it', () => {
  const uses: readonly ((image: TestImage) => void)[] = [
    () => {},
    (it) => set(it, 'ss', 0xcn),
    (it) => set(it, 'cs', 4n),
    (it) => it.gate(32, { selector: 4 }),
    (it) => it.ldtDescriptor(2, 0n),
    // Who is not present may be anything: its bytes are the kernel's.
    (it) => it.ldtDescriptor(2, 0x0000_0900_0000_0067n),
    (it) => {
      ldtLimit(it, 0x27n);
      it.ldtDescriptor(3, 0x8001_ec00_0004_0040n);
      it.ldtDescriptor(4, 0xffff_ffffn);
    },
    (it) => dead(it, IRETQ, [TestImage.text, 4n, 2n, TestImage.stack(0), 0xcn]),
    // Each core has an LDT descriptor of its own.
    (it) => second(it, {}),
  ];
  for (const use of uses) expect(lint(new TestImage().with(withLdt(use)).tables())).toEqual([]);
});

test('a TSS that is not present has nothing, nor has code behind it that gates use', () => {
  expect(lint(new TestImage().with((it) => behindAbsent(it, 0xffff_ffffn)).tables())).toEqual([]);
  const code = new TestImage().with((it) => {
    behindAbsent(it, 0x00af_9b00_0000_ffffn);
    it.gate(32, { selector: 0x30 });
  });
  expect(lint(code.tables())).toEqual([]);
});

test('a descriptor of TR at the end of what is mapped of its table is not beyond the limit', () => {
  const image = new TestImage().with((it) => {
    // The first four entries are the end of a page, and the next page is not mapped.
    it.page(0xa000, 0x8000_0000_0000_0001n);
    it.bytes(0xafe0, [...it.ram.subarray(0x6000, 0x6020)]);
    set(it, 'gdt.base', TestImage.ldt + 0xfe0n);
  });
  expect(lint(image.tables()).map(({ rule, evidence }) => `${rule}: ${evidence}`)).toEqual([
    expect.stringMatching(/^gdt-unmapped: .*0xffffffff8000b000 is not mapped/),
    expect.stringMatching(/^tss-descriptor-cut: GDT\[3\] ends at 0x27, and from 0x20 on the GDT cannot be read$/),
  ]);
});

test('a task gate may stand in the LDT of 32-bit code, an interrupt gate may not', () => {
  const legacy = (type: number) => {
    const image = new TestImage().with(inLdt(type));
    // What GDT and IDT of long mode then are, is not asked here.
    Object.assign(image.registers, { efer: 0n, cr0: 0x33n, 'ldt.base': 0xa000n });
    return lint(image.tables()).filter(({ rule }) => rule === 'ldt-system-descriptor');
  };
  expect(legacy(0x85)).toEqual([]);
  expect(legacy(0x8c)).toEqual([]);
  expect(legacy(0x8e).map(({ evidence }) => evidence)).toEqual([expect.stringMatching(/is interrupt gate/)]);
});

test('two processors as they should be have nothing', () => {
  expect(lint(new TestImage().with((it) => second(it, {})).tables())).toEqual([]);
});

test('two processors that share a GDT, each with a TSS of its own in it, have nothing', () => {
  const image = new TestImage().with((it) => {
    longer(it, 0x8000_8b00_9100_0067n);
    it.descriptor(6, 0xffff_ffffn);
    set(it, 'gdt.limit', 0x37n);
    it.page(0x9000, 0x8000_0000_0000_0001n);
    it.bytes(0x9100, [...it.ram.subarray(0x8000, 0x8068)]);
    it.others.push({ tr: 0x28n, 'tr.base': 0xffff_ffff_8000_9100n });
  });
  expect(lint(image.tables())).toEqual([]);
});

test('a processor that died of something else has nothing', () => {
  for (const spoil of [
    (it: TestImage) => dead(it, IRETQ, [TestImage.text, 8n, 2n, TestImage.stack(0), 0x10n]),
    (it: TestImage) => dead(it, IRETQ, [TestImage.text, 8n, 2n, TestImage.stack(0), 0n]),
    (it: TestImage) => dead(it, [0x0f, 0x0b, 0x90], [0x2n, TestImage.text, 8n, 2n, 0x30n]),
    // It works on, or has the bad frame elsewhere.
    (it: TestImage) => {
      dead(it, LTR, [], 0x18n);
      it.halted = false;
    },
    (it: TestImage) => {
      dead(it, LTR, [], 0x18n);
      set(it, 'rsp', TestImage.stack(0) + 0xf00n);
    },
  ])
    expect(lint(new TestImage().with(spoil).tables())).toEqual([]);
});

test.each(MISTAKES.map(([rule, change, evidence]) => ({ rule, change, evidence })))(
  '$rule: $evidence',
  ({ rule, change, evidence }) => {
    const findings = lint(new TestImage().with(change).tables());
    const found = findings.filter((it) => it.rule === rule);
    expect(found.map((it) => it.evidence)).toEqual([expect.stringMatching(evidence)]);
    expect(findings.filter((it) => it.rule !== rule).map((it) => it.rule)).toEqual(CONSEQUENCES[rule] ?? []);
  },
);

/** What cannot be otherwise. */
const CONSEQUENCES: Readonly<Record<string, readonly string[]>> = {
  // A TSS that was once in use stays marked so.
  'no-task-register': ['tss-busy'],
  'tss-wrong-type': ['tss-busy'],
  // No TSS goes with gates that want no stack, that of #DF included.
  'core-without-tss': ['tss-busy', 'double-fault-stack'],
};

test('every rule has its mistake', () => {
  expect([...new Set(MISTAKES.map(([rule]) => rule))].sort()).toEqual(RULES.map(({ id }) => id).sort());
});

test('random registers and memory are bounded and refused nothing', () => {
  let seed = 12345;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 8;
  };
  for (let round = 0; round < 400; round++) {
    const image = new TestImage();
    for (let n = 0; n < 60; n++) {
      const at = 0x1000 + (random() % 0x8000);
      image.bytes(at, [random() & 0xff]);
    }
    for (const name of Object.keys(image.registers))
      if (random() % 12 === 0)
        image.registers[name] = (BigInt(random()) << 40n) ^ (BigInt(random()) << 16n) ^ BigInt(random());
    for (const finding of lint(image.tables())) expect(finding.evidence.length).toBeLessThan(2000);
  }
});
