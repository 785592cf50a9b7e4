import { describe, expect, it } from 'vitest';
import type { BootReport, Crash, Epitaph, TraceSpan } from '../../app/contract/index.ts';
import { describeState } from './boot.ts';
import { timingText } from './chat-session.ts';
import { COMMANDS } from './commands/index.ts';
import { crashText, epitaphText } from './crash-text.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { columns, commandHelp, overview } from './help.ts';
import { bootText, driversText, timelineText, traceText } from './record-text.ts';
import { type Paint, table } from './terminal.ts';

const plain: Paint = (_style, text) => text;

describe('tables', () => {
  it('align names to the left and numbers to the right, and leave no space at line ends', () => {
    expect(
      table(
        ['NAME', 'SIZE', 'NOTE'],
        [
          ['a', '1', ''],
          ['longer', '1000', 'x'],
        ],
        [1],
      ),
    ).toBe(['NAME    SIZE  NOTE', 'a          1', 'longer  1000  x'].join('\n'));
  });
});

describe('help', () => {
  it('fits in 100 columns, names every command, and explains every option', () => {
    const pages = [
      overview(COMMANDS, plain),
      ...COMMANDS.map((command) => commandHelp(command, command.options, plain)),
    ];
    for (const line of pages.join('\n').split('\n')) expect(line.length, line).toBeLessThanOrEqual(100);
    for (const command of COMMANDS) {
      expect(pages[0]).toContain(`  ${command.name}`);
      expect(command.examples.length, command.name).toBeGreaterThan(0);
      for (const [example] of command.examples) expect(example).toContain(`ring0 ${command.name}`);
      for (const [name, option] of Object.entries(command.options))
        expect(option.help, `${command.name} --${name}`).not.toBe('');
    }
  });

  it('puts what is said of a long example below it', () => {
    const long = `ring0 inspect cpu --json | ${'x'.repeat(60)}`;
    expect(
      columns([
        ['short', 'one'],
        [long, 'two words'],
      ]).split('\n'),
    ).toEqual(['  short   one', `  ${long}`, '          two words']);
  });
});

describe('records', () => {
  const report: BootReport = {
    version: 1,
    tscHz: 2.1e9,
    entryTsc: '0x10',
    source: 'pvh',
    coresFound: 4,
    coresOnline: 3,
    memoryBytes: 512 * 2 ** 20,
    firstTokenMs: 12.3456,
    engine: 'int',
    model: 'stories',
    phases: [
      { name: 'heap', startTsc: '0x10', endTsc: '0x20', startMs: 0.25, durationMs: 1.5 },
      { name: 'net', startTsc: '0x30', endTsc: null, startMs: 2, durationMs: null },
    ],
    phasesDropped: 1,
    problems: ['phase 7 ends before it starts'],
  };

  it('show a boot with its unfinished phase and its problems', () => {
    expect(bootText(report, plain).split('\n')).toEqual([
      'booted by pvh, 3 of 4 cores, 512 MiB, TSC 2100.0 MHz',
      'model stories, engine int',
      '',
      'PHASE  START ms  TOOK ms',
      'heap      0.250    1.500',
      'net       2.000     runs',
      'and 1 more for which the record has no room',
      '',
      "first token 12.346 ms after the kernel's first instruction",
      'the record has a problem: phase 7 ends before it starts',
    ]);
  });

  it('add up a trace by operation, with shares that leave out the span around them all', () => {
    const span = (operation: string, durationNs: number, core = 0): TraceSpan => ({
      ...{ number: 0, token: 1, position: 0, layer: null, core, startTsc: '0x0', endTsc: '0x1' },
      ...{ operation, durationNs },
    });
    const spans = [span('qkv', 1000), span('qkv', 3000, 1), span('down', 12_000), span('forward', 20_000)];
    const lines = traceText(
      { version: 1, tscHz: 1e9, enabled: true, capacity: 8, written: 4, torn: 0, spans, problems: [] },
      plain,
    );
    expect(lines.split('\n').slice(1)).toEqual([
      '1 tokens, 2 cores',
      '',
      'OPERATION  SPANS  TOTAL us  MEAN us  LONGEST us   SHARE',
      'forward        1      20.0     20.0        20.0',
      'down           1      12.0     12.0        12.0  75.0 %',
      'qkv            2       4.0      2.0         3.0  25.0 %',
    ]);
  });

  it('say so when there is nothing', () => {
    expect(driversText({ version: 1, devices: [], problems: [] }, plain)).toBe('no driver has registered');
  });
});

describe('a death', () => {
  const epitaph: Epitaph = {
    version: 1,
    state: 'written',
    cause: 'exception',
    vector: 14,
    core: 0,
    errorCode: '0x2',
    tsc: '0x0',
    registers: { rip: '0xffffffff80201000', rax: '0x1', rbx: '0x2', rcx: '0x3', rdx: '0x4' },
    frames: [
      { address: '0xffffffff80201000', symbol: 'ring0::fault' },
      { address: '0x10', symbol: null },
    ],
    message: '#PF page fault',
    problems: [],
  };

  it('is told with cause, registers four to a line, and backtrace', () => {
    expect(epitaphText(epitaph, plain).split('\n')).toEqual([
      'epitaph  exception 14, error code 0x2, on core 0',
      '  #PF page fault',
      'registers',
      '     rip ffffffff80201000    rax 0000000000000001    rbx 0000000000000002    rcx 0000000000000003',
      '     rdx 0000000000000004',
      'backtrace',
      '  0xffffffff80201000  ring0::fault',
      '  0x10  ?',
    ]);
  });

  it('is told by the end of the console where there is no epitaph', () => {
    const crash: Crash = {
      kind: 'triple-fault',
      summary: 'triple fault',
      epitaph: null,
      serialTail: ['last words'],
      interruptLog: ['v=0d'],
    };
    expect(crashText(crash, plain).split('\n')).toEqual([
      'the guest is dead: triple fault',
      'QEMU saw',
      '  v=0d',
      'end of the serial console',
      '  last words',
    ]);
    expect(describeState({ phase: 'crashed', crash })).toBe('crashed: triple fault');
  });
});

describe('timing', () => {
  it('says what is known and no more', () => {
    const timing = {
      timeToFirstTokenMs: 31.2,
      totalMs: 60,
      promptTokens: 5,
      completionTokens: 12,
      tokensPerSecond: 534.21,
      promptTokensPerSecond: null,
    };
    expect(timingText({ ...timing, measuredBy: 'guest' }, 'stop', plain)).toBe(
      '[12 tokens, 534.2 tokens/s, first token after 31 ms]',
    );
    expect(
      timingText({ ...timing, completionTokens: null, tokensPerSecond: null, measuredBy: 'client' }, 'length', plain),
    ).toBe('[first token after 31 ms, cut at the token limit]');
  });
});

describe('exit codes', () => {
  it.each([
    ['usage', EXIT.usage],
    ['cancelled', EXIT.interrupted],
    ['build-failed', EXIT.build],
    ['qemu-unusable', EXIT.missing],
    ['no-machine', EXIT.notFound],
    ['disk-full', EXIT.failed],
    ['constructor', EXIT.failed],
  ])('%s', (code, expected) => {
    expect(exitCodeFor({ code, what: '', why: '', fix: '' })).toBe(expected);
  });
});

it('draws a boot as a waterfall', () => {
  const spans = [
    { name: 'QEMU starts', by: 'host' as const, startMs: 0, durationMs: 50 },
    { name: 'firmware', by: 'firmware' as const, startMs: 50, durationMs: 50 },
    { name: 'engine', by: 'kernel' as const, startMs: 150, durationMs: null },
  ];
  const marks = [{ name: 'first serial byte', atMs: 100 }];
  const text = timelineText({ entryMs: 100, spans, marks, problems: ['so it is'] }, plain);
  expect(text.split('\n').map((line) => line.trimEnd())).toEqual([
    expect.stringMatching(/^SINCE QEMU STARTED +AT ms +TOOK ms/),
    expect.stringMatching(/^QEMU starts +0\.0 +50\.0 {2}#{14}$/),
    expect.stringMatching(/^firmware +50\.0 +50\.0 {15}#{14}$/),
    expect.stringMatching(/^first serial byte +100\.0 {10,}\^$/),
    expect.stringMatching(/^engine +150\.0 +runs {2} {39}#$/),
    "the kernel's part has no place here: so it is",
  ]);
});
