/** Finds the command, parses its options, runs it, and sees to it that nothing outlives it. */
import { type AppError, messageOf } from '../../app/base/result.ts';
import type { ServiceHost } from '../../app/contract/index.ts';
import { createServiceHost } from '../services/host.ts';
import { closest, parseArguments } from './arguments.ts';
import { COMMON_OPTIONS, type Command, type CommandContext } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import { commandHelp, overview } from './help.ts';
import { Interrupts } from './interrupts.ts';
import { Terminal } from './terminal.ts';

/**
 * @param argv without `node` and the script
 * @param root the repository
 */
export async function main(argv: readonly string[], root: string): Promise<void> {
  // `ring0 … | head` closes our stdout: that is the reader's right, not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
  );
  const terminal = new Terminal();
  let host: ServiceHost | undefined;
  const interrupts = new Interrupts((code) => {
    host?.dispose();
    process.exit(code);
  });
  const context: CommandContext = {
    root,
    terminal,
    interrupts,
    get host(): ServiceHost {
      host ??= createServiceHost({ root });
      return host;
    },
  };
  try {
    process.exitCode = await dispatch(context, argv);
  } catch (thrown) {
    const error: AppError =
      thrown instanceof CommandFailure
        ? thrown.error
        : {
            code: 'bug',
            what: `ring0 failed in a way that it did not expect: ${messageOf(thrown)}`,
            why: thrown instanceof Error ? (thrown.stack ?? '') : '',
            fix: 'this is a bug in ring0; please report it with the lines above',
          };
    if (interrupts.signal.aborted) {
      process.exitCode = interrupts.exitCode;
    } else {
      terminal.error(error);
      if (argv.includes('--json')) terminal.json({ error });
      process.exitCode = exitCodeFor(error);
    }
  } finally {
    host?.dispose();
    interrupts.dispose();
    // A keyboard that was listened to keeps the event loop alive.
    process.stdin.pause();
    if ('unref' in process.stdin) process.stdin.unref();
  }
}

async function dispatch(context: CommandContext, argv: readonly string[]): Promise<number> {
  const { terminal } = context;
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const topic = name === 'help' ? COMMANDS.find((command) => command.name === rest[0]) : undefined;
    terminal.line(
      topic === undefined ? overview(COMMANDS, terminal.paint) : commandHelp(topic, optionsOf(topic), terminal.paint),
    );
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = COMMANDS.find((entry) => entry.name === name);
  if (command === undefined) {
    const near = closest(
      name,
      COMMANDS.map((entry) => entry.name),
    );
    throw new CommandFailure({
      code: 'usage',
      what: `there is no command ${name}`,
      why: '',
      fix: near === undefined ? 'see ring0 --help for the commands' : `did you mean ring0 ${near}?`,
    });
  }
  const parsed = parseArguments(optionsOf(command), rest);
  if (!parsed.ok) throw new CommandFailure(parsed.error);
  const { values, positionals } = parsed.value;
  if (values.help === true) {
    const topic = command.topic?.(positionals[0] ?? '') ?? command;
    terminal.line(commandHelp(topic, optionsOf(topic), terminal.paint));
    return EXIT.ok;
  }
  const [least, most] = command.arity;
  if (positionals.length < least || positionals.length > most) {
    const many = positionals.length > most;
    throw new CommandFailure({
      code: 'usage',
      what: many
        ? `ring0 ${name} does not know what to do with "${positionals[most]}"`
        : `ring0 ${name} needs ${command.operands}`,
      why: '',
      fix: many ? 'text with spaces needs quotes; see --help' : `see ring0 ${name} --help`,
    });
  }
  return await command.run(context, values, positionals);
}

function optionsOf(command: Command) {
  return { ...command.options, ...COMMON_OPTIONS };
}
