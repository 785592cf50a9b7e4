import type { MachineInfo } from '../../../app/contract/index.ts';
import { chromeTrace } from '../../../app/trace/chrome.ts';
import { closest } from '../arguments.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { epitaphText } from '../crash-text.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp, unwrap } from '../failure.ts';
import { bootText, driversText, timelineText, traceText } from '../record-text.ts';

/** One record of the kernel: how it is read, and how people see it. */
const RECORDS = {
  boot: async ({ host, terminal }: CommandContext, machine: MachineInfo) => {
    const report = unwrap(await host.inspect.boot(machine));
    const timeline = await host.inspect.timeline(machine);
    const waterfall = timeline.ok ? `\n\n${timelineText(timeline.value, terminal.paint)}` : '';
    return { value: report, text: () => bootText(report, terminal.paint) + waterfall };
  },
  trace: async ({ host, terminal }: CommandContext, machine: MachineInfo) => {
    const trace = unwrap(await host.inspect.trace(machine));
    return { value: trace, text: () => traceText(trace, terminal.paint) };
  },
  epitaph: async ({ host, terminal }: CommandContext, machine: MachineInfo) => {
    const epitaph = unwrap(await host.inspect.epitaph(machine));
    return { value: epitaph, text: () => epitaphText(epitaph, terminal.paint) };
  },
  drivers: async ({ host, terminal }: CommandContext, machine: MachineInfo) => {
    const registry = unwrap(await host.inspect.drivers(machine));
    return { value: registry, text: () => driversText(registry, terminal.paint) };
  },
} as const;

type RecordName = keyof typeof RECORDS;
const NAMES = Object.keys(RECORDS) as RecordName[];

export const inspect = defineCommand({
  name: 'inspect',
  summary: "read the kernel's records out of a running guest's memory",
  operands: 'boot | trace | epitaph | drivers [ID]',
  arity: [1, 2],
  description: `Reads straight from the file that is the guest's RAM: the guest neither stops nor notices.

boot     phases from the first instruction on, with times; processor count, memory, engine, model
trace    timed spans of the last tokens: layer, operation, core
epitaph  what the kernel wrote when it died, also of a guest that stands still: message,
         registers, backtrace
drivers  each driver's own idea of its virtqueues`,
  options: {
    chrome: { kind: 'flag', help: 'trace only: print Chrome trace JSON, for chrome://tracing, Perfetto or Speedscope' },
  },
  examples: [
    ['ring0 inspect boot', 'where the time from power-on went'],
    ['ring0 inspect trace --chrome > trace.json', 'then open it in Perfetto'],
    ['ring0 inspect epitaph --json | jq .registers.rip', 'where it died'],
  ],
  async run(context, values, [what = '', id]) {
    const name = NAMES.find((record) => record === what);
    if (name === undefined) {
      const near = closest(what, NAMES);
      return giveUp(
        'usage',
        `there is no record "${what}"`,
        '',
        near === undefined ? `use ${NAMES.join(', ')}` : `did you mean ring0 inspect ${near}?`,
      );
    }
    if (values.chrome && name !== 'trace')
      giveUp('usage', '--chrome goes with trace only', '', 'write ring0 inspect trace --chrome');
    const machine = unwrap(await context.host.machines.attach(id));
    try {
      if (values.chrome) {
        context.terminal.line(JSON.stringify(chromeTrace(unwrap(await context.host.inspect.trace(machine.info)))));
        return EXIT.ok;
      }
      const { value, text } = await RECORDS[name](context, machine.info);
      if (values.json) context.terminal.json(value);
      else context.terminal.line(text());
      return EXIT.ok;
    } finally {
      machine.dispose();
    }
  },
});
