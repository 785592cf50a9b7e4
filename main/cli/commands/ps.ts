import { describeState } from '../boot.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../terminal.ts';

export const ps = defineCommand({
  name: 'ps',
  summary: 'list the machines that run',
  operands: '',
  arity: [0, 0],
  description:
    'Lists machines of this and other terminals. No machine is not an error: the list is then empty and the exit code 0.',
  options: {},
  examples: [
    ['ring0 ps', 'a table'],
    ["ring0 ps --json | jq -r '.machines[0].info.apiUrl'", "the address of the first machine's API"],
  ],
  async run({ host, terminal }, values) {
    const machines = await host.machines.list();
    if (values.json) {
      terminal.json({ machines });
    } else if (machines.length === 0) {
      terminal.hint('no machine runs; ring0 run starts one');
    } else {
      const rows = machines.map(({ info, state }) => [
        info.id,
        info.profile.name,
        info.accelerator.accelerator,
        String(info.qemuPid),
        age(Date.now() - info.startedAt),
        info.apiUrl ?? '',
        describeState(state),
      ]);
      terminal.line(table(['ID', 'PROFILE', 'ACCEL', 'QEMU PID', 'AGE', 'API', 'STATE'], rows, [3, 4], terminal.paint));
    }
    return EXIT.ok;
  },
});

function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
