import type { ModelEntry, Progress } from '../../../app/contract/index.ts';
import { amountText, bytes } from '../amount.ts';
import { closest } from '../arguments.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { giveUp, unwrap } from '../failure.ts';
import { table } from '../terminal.ts';

const ACTIONS = ['list', 'add', 'get'] as const;

export const model = defineCommand({
  name: 'model',
  summary: 'the local library of GGUF models',
  operands: 'list | add FILE | get NAME',
  arity: [0, 2],
  description: `list   what there is: the demo model of this repository, the library, and what \`get\` could download
add    takes a GGUF file into the library: a hard link where the file system allows it, else a copy
get    downloads a small instruct model from Hugging Face; an interrupted download goes on where it
       stopped, and the file is checked before it counts. It needs the internet: in a closed
       network, use add with a file brought by hand.

Wherever a command takes --model, it takes a path or a name of this list.`,
  options: {},
  examples: [
    ['ring0 model list', 'names for --model'],
    ['ring0 model add ~/Downloads/tiny-q8_0.gguf', 'from now on --model tiny-q8_0'],
  ],
  async run(context, values, [action = 'list', operand]) {
    const known = ACTIONS.find((name) => name === action);
    if (known === undefined) {
      const near = closest(action, ACTIONS);
      return giveUp(
        'usage',
        `ring0 model does not know "${action}"`,
        '',
        near === undefined ? 'use list, add or get' : `did you mean ring0 model ${near}?`,
      );
    }
    if (known === 'list') return await list(context, values.json);
    if (operand === undefined)
      return giveUp(
        'usage',
        `ring0 model ${known} needs ${known === 'add' ? 'FILE' : 'NAME'}`,
        '',
        'see ring0 model --help',
      );
    const { host, terminal, interrupts } = context;
    const options = {
      signal: interrupts.signal,
      onProgress: (progress: Progress) => terminal.progress(progress.message, amountText(progress)),
    };
    const entry = unwrap(
      known === 'add' ? await host.models.add(operand, options) : await host.models.get(operand, options),
    );
    terminal.clearProgress();
    if (values.json) terminal.json({ model: entry });
    else terminal.line(`${entry.name}  ${entry.path}`);
    return EXIT.ok;
  },
});

async function list({ host, terminal }: CommandContext, json: boolean): Promise<number> {
  const models = await host.models.list();
  const catalogue = await host.models.catalogue();
  if (json) {
    terminal.json({ directory: host.models.directory, models, catalogue });
    return EXIT.ok;
  }
  const rows = models.map((entry) => [entry.name, entry.source, bytes(entry.sizeBytes), ...facts(entry)]);
  terminal.line(
    table(['NAME', 'FROM', 'SIZE', 'PARAMETERS', 'QUANT', 'CONTEXT', 'MODEL'], rows, [2, 3, 5], terminal.paint),
  );
  const absent = catalogue.filter((entry) => !entry.installed);
  if (absent.length > 0) {
    terminal.line();
    terminal.line(
      table(
        ['RING0 MODEL GET', 'SIZE', 'LICENCE', 'MODEL'],
        absent.map((entry) => [entry.name, bytes(entry.approximateBytes), entry.licence, entry.title]),
        [1],
        terminal.paint,
      ),
    );
  }
  terminal.hint(`library: ${host.models.directory}`);
  return EXIT.ok;
}

function facts(entry: ModelEntry): string[] {
  if (entry.facts === null) return ['', '', '', entry.problem];
  const { parameters, quantisation, contextLength, title, unsupported } = entry.facts;
  return [
    count(parameters),
    quantisation,
    contextLength === null ? '' : String(contextLength),
    unsupported === '' ? title : `${title} (cannot run: ${unsupported})`,
  ];
}

function count(parameters: number): string {
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(1)} B`;
  if (parameters >= 1e6) return `${(parameters / 1e6).toFixed(1)} M`;
  return `${(parameters / 1e3).toFixed(0)} K`;
}
