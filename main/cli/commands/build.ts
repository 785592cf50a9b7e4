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
  options: { size: { kind: 'flag', help: 'what the image is made of: its sections, and the largest symbols' } },
  examples: [
    ['ring0 build --size', 'where the bytes are'],
    ['ring0 build', 'build what has changed'],
    ["ring0 build --json | jq '.diagnostics[].message'", 'only the messages'],
  ],
  async run(context, values) {
    const { terminal } = context;
    if (values.json) return await buildAsJson(context, values.size);
    const result = await buildKernel(context);
    const size = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
    terminal.line(`${result.elfPath}  ${size(result.elfBytes)}`);
    terminal.line(`${result.efiPath}  ${size(result.efiBytes)}`);
    terminal.hint(
      result.fresh
        ? 'nothing had changed'
        : `built in ${(result.durationMs / 1000).toFixed(1)} s, ${result.warnings} warnings`,
    );
    return values.size ? await printSize(context, result.elfPath) : EXIT.ok;
  },
});

/** Symbols that are printed; `--json` has more. */
const PRINTED = 25;

async function printSize({ host, terminal }: CommandContext, elfPath: string): Promise<number> {
  const size = await host.build.size(elfPath);
  if (!size.ok) {
    terminal.error(size.error);
    return EXIT.failed;
  }
  const { sections, symbols, symbolCount, memoryBytes } = size.value;
  const row = (bytes: number, kind: string, name: string) =>
    terminal.line(`${String(bytes).padStart(9)}  ${kind.padEnd(9)} ${name}`);
  terminal.line('');
  for (const { bytes, kind, name } of sections.filter((section) => section.kind !== 'debug')) row(bytes, kind, name);
  row(memoryBytes, '', 'in memory');
  terminal.line('');
  for (const { bytes, section, name } of symbols.slice(0, PRINTED)) row(bytes, section, name);
  terminal.hint(`the largest ${Math.min(PRINTED, symbols.length)} of ${symbolCount} symbols`);
  return EXIT.ok;
}

async function buildAsJson({ host, terminal, interrupts }: CommandContext, withSize: boolean): Promise<number> {
  const diagnostics = [];
  for await (const event of host.build.build({ signal: interrupts.signal })) {
    if (event.kind === 'diagnostic') diagnostics.push(event.diagnostic);
    if (event.kind === 'step') terminal.progress(`build: ${event.title}`);
    if (event.kind === 'finished') {
      const size = withSize ? await host.build.size(event.result.elfPath) : undefined;
      if (size?.ok === false) {
        terminal.error(size.error);
        return EXIT.failed;
      }
      terminal.json({ result: event.result, diagnostics, ...(size === undefined ? {} : { size: size.value }) });
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
