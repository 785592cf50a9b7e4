import { planOnPaper, qemuArguments } from '../../../app/machine/argv.ts';
import { closest } from '../arguments.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp, unwrap } from '../failure.ts';
import { table } from '../terminal.ts';

export const profiles = defineCommand({
  name: 'profiles',
  summary: 'list machine profiles, or show one with everything that it inherits',
  operands: 'list | show NAME',
  arity: [0, 2],
  description: `Profiles are JSON files in qemu-profiles/, checked against a schema; one may extend another. NAME may be the path of a
file of your own. show also prints the QEMU command line; \`ring0 ps --json\` has
that of a machine that runs, with every path filled in.`,
  options: {},
  examples: [
    ['ring0 profiles list', 'names and descriptions'],
    ['ring0 profiles show smp4 --json', 'all fields, with inherited ones and defaults filled in'],
  ],
  async run({ host, terminal }, values, [action = 'list', name]) {
    if (action === 'list') {
      const listing = await host.profiles.list();
      if (values.json) terminal.json({ profiles: listing });
      else
        terminal.line(
          table(
            ['NAME', 'DESCRIPTION'],
            listing.map((entry) => [entry.name, entry.error ?? entry.description]),
            [],
            terminal.paint,
          ),
        );
      return EXIT.ok;
    }
    if (action !== 'show') {
      const near = closest(action, ['list', 'show']);
      return giveUp(
        'usage',
        `ring0 profiles does not know "${action}"`,
        '',
        near === undefined ? 'use list or show' : `did you mean ring0 profiles ${near}?`,
      );
    }
    if (name === undefined) return giveUp('usage', 'ring0 profiles show needs NAME', '', 'see ring0 profiles list');
    const profile = unwrap(await host.profiles.load(name));
    const { accelerator } = unwrap(await host.doctor.chooseAccelerator(profile.accelerator));
    const argv = ['qemu-system-x86_64', ...qemuArguments(planOnPaper(profile, accelerator))];
    if (values.json) {
      terminal.json({ profile, argv });
      return EXIT.ok;
    }
    for (const [field, value] of Object.entries(profile)) {
      terminal.line(`${field.padEnd(14)}${typeof value === 'string' ? value : JSON.stringify(value)}`);
    }
    terminal.line(`\n${argv.join(' ').replaceAll(' -', ' \\\n  -')}`);
    return EXIT.ok;
  },
});
