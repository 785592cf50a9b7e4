import type { AppError } from '../../../app/base/result.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp, unwrap } from '../failure.ts';

export const stop = defineCommand({
  name: 'stop',
  summary: 'end a machine',
  operands: '[ID]',
  arity: [0, 1],
  description: `Ends the guest and its QEMU, whichever terminal they belong to, and returns when they are gone. Without ID there must be
exactly one machine; --all ends every one, and finds it no error if there is none.`,
  options: { all: { kind: 'flag', short: 'a', help: 'end every machine' } },
  examples: [
    ['ring0 stop', 'the only machine'],
    ['ring0 stop --all', 'all of them'],
  ],
  async run({ host, terminal }, values, [id]) {
    if (values.all && id !== undefined)
      giveUp('usage', 'an ID and --all contradict each other', '', 'leave one of them out');
    const ids = values.all ? (await host.machines.list()).map((entry) => entry.info.id) : [id];
    const stopped: string[] = [];
    const failed: Array<{ id: string; error: AppError }> = [];
    for (const wanted of ids) {
      const machine = unwrap(await host.machines.attach(wanted));
      const result = await machine.stop();
      machine.dispose();
      if (result.ok) stopped.push(machine.info.id);
      else failed.push({ id: machine.info.id, error: result.error });
      if (!values.json && result.ok) terminal.line(`stopped ${machine.info.id}`);
      if (!result.ok) terminal.error(result.error);
    }
    if (values.json) terminal.json({ stopped, failed });
    else if (ids.length === 0) terminal.hint('no machine runs');
    return failed.length === 0 ? EXIT.ok : EXIT.failed;
  },
});
