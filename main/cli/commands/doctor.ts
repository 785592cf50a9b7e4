import { assertNever } from '../../../app/base/result.ts';
import type { DoctorCheck, DoctorReport } from '../../../app/contract/index.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import type { Paint } from '../terminal.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'check what this machine has and lacks, and why',
  operands: '',
  arity: [0, 0],
  description: `Checks Node, Rust and its linker, QEMU, UEFI firmware, disk and memory, and finds the accelerator by really booting a tiny
guest with each that QEMU offers. A check that fails names the exact command that cures it; --fix runs those commands.
Exit code 3 if something that is needed is missing.`,
  options: { fix: { kind: 'flag', help: 'run the commands that cure what is missing' } },
  examples: [
    ['ring0 doctor', 'look only'],
    ['ring0 doctor --fix', 'look, and install what is missing'],
    ['ring0 doctor --json | jq .accelerator', 'the accelerator that `auto` takes here, and why'],
  ],
  async run(context, values) {
    const report = values.fix ? await fix(context) : await examine(context, !values.json);
    if (values.json) context.terminal.json(report);
    return report.ok ? EXIT.ok : EXIT.missing;
  },
});

async function examine({ host, terminal, interrupts }: CommandContext, print: boolean): Promise<DoctorReport> {
  terminal.progress('looking around…');
  const report = await host.doctor.examine({
    signal: interrupts.signal,
    onCheck: (check) => {
      if (print) terminal.line(checkText(check, terminal.paint));
    },
  });
  terminal.clearProgress();
  if (print) conclude(terminal.line.bind(terminal), report, terminal.paint);
  return report;
}

async function fix(context: CommandContext): Promise<DoctorReport> {
  const { host, terminal, interrupts } = context;
  for await (const event of host.doctor.fix({ signal: interrupts.signal })) {
    switch (event.kind) {
      case 'command':
        terminal.note(`${event.check}: ${terminal.paintError('bold', event.command)}`);
        break;
      case 'output':
        terminal.hint(`  ${event.line}`);
        break;
      case 'fixed':
        terminal.note(`${event.check}: ${terminal.paintError('green', 'cured')}`);
        break;
      case 'failed':
        terminal.error(event.error);
        break;
      case 'finished':
        for (const check of event.report.checks) terminal.note(checkText(check, terminal.paintError));
        conclude(terminal.note.bind(terminal), event.report, terminal.paintError);
        return event.report;
      default:
        assertNever(event);
    }
  }
  return await examine(context, false);
}

function checkText(check: DoctorCheck, paint: Paint): string {
  const mark = { ok: paint('green', 'ok  '), warn: paint('yellow', 'warn'), fail: paint('red', 'FAIL') }[check.status];
  return [
    `${mark}  ${check.title}: ${check.found}`,
    ...[check.why, check.fixHint].filter((text) => text !== '').map((text) => `      ${text}`),
    ...(check.fixCommand === null ? [] : [`      ${paint('bold', check.fixCommand)}`]),
  ].join('\n');
}

function conclude(say: (line: string) => void, report: DoctorReport, paint: Paint): void {
  for (const probe of report.probes)
    say(`      ${probe.accelerator}: ${probe.works ? 'boots a guest' : 'unusable'}; ${probe.detail}`);
  const bad = report.checks.filter((check) => check.status === 'fail').length;
  say(
    bad === 0
      ? paint('bold', 'This machine can build and boot the kernel.')
      : paint('bold', `${bad} of ${report.checks.length} checks failed; ring0 doctor --fix runs the commands above.`),
  );
}
