import { bootMachine, describeMachine, KERNEL_OPTIONS, MACHINE_OPTIONS } from '../boot.ts';
import { defineCommand } from '../command.ts';
import { serialConsole } from '../serial-console.ts';
import { followAsJson } from '../state-stream.ts';

export const run = defineCommand({
  name: 'run',
  summary: 'build, boot, and sit at the serial console',
  operands: '',
  arity: [0, 0],
  description: `Builds the kernel if anything changed, boots it under QEMU, and connects this terminal to its serial port, where the
kernel's own shell answers (type help). Ctrl-] then q ends the machine; Ctrl-] then h lists what else there is. Ctrl-C goes
to the guest, whose shell uses it to stop a generation.

Without a keyboard (a pipe, a CI job) stdin is typed at the shell once that is ready, and the machine runs until it shuts
itself down or this process gets a signal. However this process ends, QEMU ends with it.

With --json there is no console: stdout gets one JSON object a line, {"event": "started", "info"} and then {"event":
"state", "state"} for each change. The serial output is in the file that info.serialLogPath names.`,
  options: {
    ...MACHINE_OPTIONS,
    ...KERNEL_OPTIONS,
    keep: { kind: 'flag', help: 'after a crash, keep the dead machine for `ring0 inspect` until a signal comes' },
  },
  examples: [
    ['ring0 run', 'the demo model on the profile direct'],
    ['ring0 run -p smp4 -m ./model.gguf', 'another model, four cores'],
    ['ring0 run -p uefi --memory 2G --append "ctx=2048"', 'through UEFI firmware, with a longer context'],
    ["printf 'info\\nshutdown\\n' | ring0 run", 'one command in the guest, then off'],
    ['ring0 run --kernel bzImage --initrd initrd --append console=ttyS0', 'a Linux, to look at with ring0 inspect'],
    ['ring0 run --json </dev/null', 'a machine for a script; stop it with `ring0 stop`'],
  ],
  async run(context, values) {
    const { machine } = await bootMachine(context, values);
    try {
      if (values.json) return await followAsJson(context, machine, values.keep);
      if (!context.terminal.interactive) context.terminal.hint(describeMachine(machine));
      return await serialConsole(context, machine, { owner: true, keep: values.keep });
    } finally {
      const stopped = await machine.stop();
      if (!stopped.ok && machine.state.phase !== 'failed') context.terminal.error(stopped.error);
      machine.dispose();
    }
  },
});
