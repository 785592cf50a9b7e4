import { chromeTrace } from '../../../app/trace/chrome.ts';
import { epitaphText } from '../crash-text.ts';
import { unwrap } from '../failure.ts';
import { bootText, driversText, timelineText, traceText } from '../record-text.ts';
import { defineSubject } from './subject.ts';

/** The records that our kernel publishes (`kernel/abi`). */

export const boot = defineSubject({
  name: 'boot',
  summary: 'phases from the first instruction on, with times; processors, memory, engine, model',
  operands: '',
  arity: [0, 0],
  options: {},
  examples: [['ring0 inspect boot', 'where the time from power-on went']],
  async look({ host, terminal }, source) {
    const report = unwrap(await host.inspect.boot(source));
    const timeline = await host.inspect.timeline(source);
    const waterfall = timeline.ok ? `\n\n${timelineText(timeline.value, terminal.paint)}` : '';
    return { value: report, text: () => bootText(report, terminal.paint) + waterfall };
  },
});

export const trace = defineSubject({
  name: 'trace',
  summary: 'timed spans of the last tokens: layer, operation, core',
  operands: '',
  arity: [0, 0],
  options: {
    chrome: { kind: 'flag', help: 'print Chrome trace JSON, for chrome://tracing, Perfetto or Speedscope' },
  },
  examples: [['ring0 inspect trace --chrome > trace.json', 'then open it in Perfetto']],
  async look({ host, terminal }, source, { chrome }) {
    const spans = unwrap(await host.inspect.trace(source));
    if (!chrome) return { value: spans, text: () => traceText(spans, terminal.paint) };
    terminal.line(JSON.stringify(chromeTrace(spans)));
    return undefined;
  },
});

export const epitaph = defineSubject({
  name: 'epitaph',
  summary: 'what the kernel wrote when it died, also of a guest that stands still: message, registers, backtrace',
  operands: '',
  arity: [0, 0],
  options: {},
  examples: [['ring0 inspect epitaph --json | jq .registers.rip', 'where it died']],
  async look({ host, terminal }, source) {
    const record = unwrap(await host.inspect.epitaph(source));
    return { value: record, text: () => epitaphText(record, terminal.paint) };
  },
});

export const drivers = defineSubject({
  name: 'drivers',
  summary: "each driver's own idea of its virtqueues",
  operands: '',
  arity: [0, 0],
  options: {},
  examples: [['ring0 inspect drivers', 'queue sizes, indices and counters as the drivers have them']],
  async look({ host, terminal }, source) {
    const registry = unwrap(await host.inspect.drivers(source));
    return { value: registry, text: () => driversText(registry, terminal.paint) };
  },
});
