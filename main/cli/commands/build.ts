import { buildKernel } from '../boot.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';

export const build = defineCommand({
  name: 'build',
  summary: 'compile the kernel',
  operands: '',
  arity: [0, 0],
  description: `Compiles kernel/ in its release profile into one ELF (for QEMU's -kernel) and the same code as a flat UEFI program.
Compiler messages go to stderr in the compiler's own drawing. With --json stdout gets the result with every diagnostic:
severity, code, message, spans with lines and columns, and machine-applicable suggestions.`,
  options: {},
  examples: [
    ['ring0 build', 'build what has changed'],
    ["ring0 build --json | jq '.diagnostics[].message'", 'only the messages'],
  ],
  async run(context, values) {
    const { terminal } = context;
    if (values.json) return await buildAsJson(context);
    const result = await buildKernel(context);
    const size = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
    terminal.line(`${result.elfPath}  ${size(result.elfBytes)}`);
    terminal.line(`${result.efiPath}  ${size(result.efiBytes)}`);
    terminal.hint(
      result.fresh
        ? 'nothing had changed'
        : `built in ${(result.durationMs / 1000).toFixed(1)} s, ${result.warnings} warnings`,
    );
    return EXIT.ok;
  },
});

async function buildAsJson({ host, terminal, interrupts }: CommandContext): Promise<number> {
  const diagnostics = [];
  for await (const event of host.build.build({ signal: interrupts.signal })) {
    if (event.kind === 'diagnostic') diagnostics.push(event.diagnostic);
    if (event.kind === 'step') terminal.progress(`build: ${event.title}`);
    if (event.kind === 'finished') {
      terminal.json({ result: event.result, diagnostics });
      return EXIT.ok;
    }
    if (event.kind === 'failed') {
      terminal.error(event.error);
      terminal.json({ error: event.error, diagnostics });
      return event.error.code === 'cancelled' ? interrupts.exitCode : EXIT.build;
    }
  }
  return EXIT.build;
}
