import { resolve } from 'node:path';
import type { GdbAddress, InspectSource } from '../../../app/contract/index.ts';

import { closest, type OptionSpecs } from '../arguments.ts';
import { type Command, type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp, unwrap } from '../failure.ts';
import { columns } from '../help.ts';
import { SUBJECTS } from '../inspect/index.ts';
import { SUBJECT_OPTIONS, type Subject } from '../inspect/subject.ts';

const MOST_OPERANDS = Math.max(...SUBJECTS.map(({ arity }) => arity[1]));
/** Every subject's options, each once: which belong to the subject that is asked for is checked afterwards. */
const ALL_OPTIONS: OptionSpecs = Object.assign({}, ...SUBJECTS.map(({ options }) => options), SUBJECT_OPTIONS);

export const inspect = defineCommand({
  name: 'inspect',
  summary: "look into a running guest's processor and memory, or into a saved dump",
  operands: 'SUBJECT [OPERANDS] [ID]',
  arity: [1, 2 + MOST_OPERANDS],
  description: `Memory is read straight from the file that is the guest's RAM, and processors are asked of QEMU: the guest neither
stops nor notices.

${columns(SUBJECTS.map(({ name, operands, summary }) => [`${name} ${operands}`.trim(), summary]))}

\`ring0 inspect SUBJECT --help\` says more of each.`,
  options: ALL_OPTIONS,
  examples: [
    ...SUBJECTS.flatMap(({ examples }) => examples.slice(0, 1)),
    ['ring0 inspect cpu --gdb 1234', 'of a QEMU that was started with -s'],
  ],
  topic: (name) => {
    const subject = SUBJECTS.find((it) => it.name === name);
    return subject === undefined ? undefined : helpOf(subject);
  },
  async run(context, values, [what = '', ...operands]) {
    const subject = SUBJECTS.find(({ name }) => name === what) ?? unknownSubject(what);
    const own: OptionSpecs = { ...subject.options, ...SUBJECT_OPTIONS };
    for (const [name, value] of Object.entries(values)) {
      if (name in own || name === 'json' || name === 'help' || value === undefined || value === false) continue;
      const owners = SUBJECTS.filter(({ options }) => name in options).map((it) => it.name);
      giveUp('usage', `--${name} goes with ${owners.join(', ')} only`, '', `see ring0 inspect ${what} --help`);
    }
    const [least, most] = subject.arity;
    if (operands.length < least)
      giveUp('usage', `ring0 inspect ${what} needs ${subject.operands}`, '', `see ring0 inspect ${what} --help`);
    if (operands.length > most + 1)
      giveUp('usage', `ring0 inspect ${what} does not know what to do with "${operands[most + 1]}"`, '', 'see --help');
    // The table has forgotten the types of its options; these are among them.
    const given = values as unknown as Parameters<Subject['look']>[2];
    const { machine, dump, gdb, kernel } = given;
    if (kernel !== undefined && gdb === undefined)
      giveUp('usage', '--kernel goes with --gdb', '', 'a machine of ours knows its own');
    await withSource(context, { id: operands[most] ?? machine, dump, gdb, kernel }, async (source) => {
      const finding = await subject.look(context, source, given, operands.slice(0, most));
      if (finding === undefined) return;
      if (values.json) context.terminal.json(finding.value);
      else context.terminal.line(finding.text());
    });
    return EXIT.ok;
  },
});

async function withSource(
  { host }: CommandContext,
  { id, dump, gdb, kernel }: Record<'id' | 'dump' | 'gdb' | 'kernel', string | undefined>,
  look: (source: InspectSource) => Promise<void>,
): Promise<void> {
  if (gdb !== undefined) {
    if (id !== undefined || dump !== undefined)
      giveUp('usage', 'a gdb stub is looked through alone', '', 'leave out the machine or the dump');
    return look({ gdb: gdbAddress(gdb), kernel: kernel === undefined ? null : resolve(kernel) });
  }
  if (dump !== undefined) {
    if (id !== undefined)
      giveUp('usage', 'a machine and a dump cannot be looked at together', '', 'leave out one of them');
    return look({ dump });
  }
  const machine = unwrap(await host.machines.attach(id));
  try {
    await look({ machine: machine.info });
  } finally {
    machine.dispose();
  }
}

/** `1234`, `:1234`, `HOST:1234`, `unix:PATH`; what names no host means this one. */
function gdbAddress(text: string): GdbAddress {
  if (text.startsWith('unix:') && text.length > 5) return { path: resolve(text.slice(5)) };
  const [, , host = '', digits = ''] = /^((\[[0-9a-f:.]+\]|[\w.-]*):)?(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port < 1 || port > 65535)
    giveUp('usage', `--gdb does not understand "${text}"`, '', 'write HOST:PORT, a port alone, or unix:PATH');
  return { host: host === '' ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), port };
}

function unknownSubject(what: string): never {
  const names = SUBJECTS.map(({ name }) => name);
  const near = closest(what, names);
  const fix = near === undefined ? `use ${names.join(', ')}` : `did you mean ring0 inspect ${near}?`;
  return giveUp('usage', `there is nothing to inspect called "${what}"`, '', fix);
}

function helpOf(subject: Subject): Command {
  return {
    ...inspect,
    name: `inspect ${subject.name}`,
    summary: subject.summary,
    operands: `${subject.operands} [ID]`.trim(),
    description: subject.description ?? '',
    options: { ...subject.options, ...SUBJECT_OPTIONS },
    examples: subject.examples,
  };
}
