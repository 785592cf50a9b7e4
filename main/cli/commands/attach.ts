import { defineCommand } from '../command.ts';
import { giveUp, unwrap } from '../failure.ts';
import { serialConsole } from '../serial-console.ts';

export const attach = defineCommand({
  name: 'attach',
  summary: 'sit at the serial console of a machine that runs in another terminal',
  operands: '[ID]',
  arity: [0, 1],
  description: `Shows what the console has said so far and connects this terminal to it. Both terminals see the output and both may
type. Ctrl-] then q leaves; the machine runs on.`,
  options: {},
  examples: [
    ['ring0 attach', 'the only machine that runs'],
    ['ring0 attach direct-3', 'by id, or any beginning of one that is unique'],
  ],
  async run(context, values, [id]) {
    if (values.json)
      giveUp(
        'usage',
        'ring0 attach has no JSON form',
        'it is a console',
        'use ring0 ps --json for the state of machines',
      );
    const machine = unwrap(await context.host.machines.attach(id));
    try {
      return await serialConsole(context, machine, { owner: false, keep: false });
    } finally {
      machine.dispose();
    }
  },
});
