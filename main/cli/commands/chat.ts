import { resolve } from 'node:path';
import type { Machine, ModelEntry } from '../../../app/contract/index.ts';
import { bootMachine, describeMachine, MACHINE_OPTIONS, type MachineValues } from '../boot.ts';
import { converse } from '../chat-repl.ts';
import { type ChatMode, ChatSession, timingText, waitUntilServing } from '../chat-session.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { CommandFailure, giveUp, unwrap } from '../failure.ts';
import { reportEnd } from '../serial-console.ts';

export const chat = defineCommand({
  name: 'chat',
  summary: 'talk to the model inside the kernel',
  operands: '[PROMPT]',
  arity: [0, 1],
  description: `Uses the machine that runs, if there is one and no option asks for another; else builds the kernel, boots it, and ends it
again at the end. The words come from the guest's own TCP stack as they are made. With PROMPT: one answer on stdout, then
the end. Without: a conversation, in which /help lists the commands; Ctrl-C stops an answer first, and leaves second.

A model without a chat template does not converse: it goes on with the text that it is given.

Tokens per second (by the guest's clock) and the time to the first token (by yours) go to stderr.`,
  options: {
    ...MACHINE_OPTIONS,
    machine: { kind: 'text', value: 'ID', help: 'talk to this running machine (`ring0 ps`)' },
    system: { kind: 'text', short: 's', value: 'TEXT', help: 'an instruction that precedes the conversation' },
    'max-tokens': {
      kind: 'number',
      short: 'n',
      value: 'N',
      minimum: 1,
      maximum: 1_000_000,
      help: 'at most so many tokens per answer',
    },
    temperature: {
      kind: 'number',
      short: 't',
      value: 'X',
      minimum: 0,
      maximum: 2,
      fraction: true,
      help: '0 takes the likeliest token each time',
    },
    'top-p': {
      kind: 'number',
      value: 'X',
      minimum: 0,
      maximum: 1,
      fraction: true,
      help: 'sample from the likeliest tokens that make up this share',
    },
    'top-k': {
      kind: 'number',
      value: 'N',
      minimum: 0,
      maximum: 1_000_000,
      help: 'sample from the N likeliest tokens; 0 from all',
    },
    'min-p': {
      kind: 'number',
      value: 'X',
      minimum: 0,
      maximum: 1,
      fraction: true,
      help: 'drop tokens less likely than this share of the likeliest',
    },
    seed: { kind: 'number', value: 'N', minimum: 0, maximum: 0xffff_ffff, help: 'same seed, same answer' },
    stop: { kind: 'text', value: 'TEXT', help: 'end the answer before this text' },
    plain: { kind: 'flag', help: 'continue the text, even if the model has a chat template' },
  },
  examples: [
    ['ring0 chat', 'a conversation'],
    ['ring0 chat "What does paging do?"', 'one answer'],
    ['ring0 chat -m stories260K.gguf -t 0 "Once upon a time"', 'a model without template goes on with the text'],
    ['ring0 chat --json "Hello" | jq -r .text', 'for programs'],
    ['ring0 chat < questions.txt', 'one answer a line'],
  ],
  async run(context, values, [prompt]) {
    if (values.json && prompt === undefined)
      giveUp(
        'usage',
        '--json needs a PROMPT',
        'a conversation is not one JSON value',
        'write ring0 chat --json "PROMPT"',
      );
    const { machine, model, ours } = await findMachine(context, values, values.machine);
    try {
      if (machine.info.apiUrl === null) {
        return giveUp(
          'no-api-port',
          `machine ${machine.info.id} forwards no port to the guest's API`,
          'its profile has no forward for guest port 8080',
          'boot one with ring0 run',
        );
      }
      const target = { apiUrl: machine.info.apiUrl, machine };
      await waitUntilServing(context, target);
      const mode: ChatMode = values.plain || model?.facts?.chatTemplate === false ? 'plain' : 'chat';
      const sampling = {
        maxTokens: values['max-tokens'],
        temperature: values.temperature,
        topP: values['top-p'],
        topK: values['top-k'],
        minP: values['min-p'],
        seed: values.seed,
        stop: values.stop === undefined ? undefined : [values.stop],
      };
      const session = new ChatSession(context, target, mode, sampling, values.system);
      if (prompt === undefined) {
        if (context.terminal.interactive) context.terminal.hint(describeMachine(machine));
        return await converse(context, machine, session);
      }
      return await askOnce(context, machine, session, prompt, values.json);
    } catch (thrown) {
      // A guest that died is better told with its epitaph than as a lost connection.
      if (thrown instanceof CommandFailure && machine.state.phase === 'crashed' && !values.json)
        return reportEnd(context, machine.state);
      throw thrown;
    } finally {
      if (ours) await machine.stop();
      machine.dispose();
    }
  },
});

interface Found {
  readonly machine: Machine;
  readonly model: ModelEntry | undefined;
  /** Whether it was booted for this conversation and ends with it. */
  readonly ours: boolean;
}

async function findMachine(context: CommandContext, values: MachineValues, id: string | undefined): Promise<Found> {
  const { host, terminal } = context;
  const running = await host.machines.list();
  const special = values.profile ?? values.port ?? values.append ?? values.cores ?? values.memory ?? values.accelerator;
  const wantedModel = values.model === undefined ? undefined : unwrap(await host.models.resolve(values.model)).path;
  const match = running.find(({ info, state }) => {
    if (id !== undefined) return info.id.startsWith(id);
    if (special !== undefined || info.apiUrl === null) return false;
    if (state.phase !== 'running' && state.phase !== 'starting') return false;
    return wantedModel === undefined || (info.modelPath !== null && resolve(info.modelPath) === resolve(wantedModel));
  });
  if (match === undefined && id === undefined) return { ...(await bootMachine(context, values)), ours: true };
  const machine = unwrap(await host.machines.attach(match?.info.id ?? id));
  terminal.hint(`talking to ${describeMachine(machine)}`);
  const { modelPath } = machine.info;
  const model = modelPath === null ? undefined : await host.models.resolve(modelPath);
  return { machine, model: model?.ok ? model.value : undefined, ours: false };
}

async function askOnce(
  context: CommandContext,
  machine: Machine,
  session: ChatSession,
  prompt: string,
  json: boolean,
): Promise<number> {
  const { terminal, interrupts } = context;
  if (session.mode === 'plain' && !json) terminal.write(terminal.paint('dim', prompt));
  const answer = await session.ask(prompt, interrupts.signal, (piece) => {
    if (!json) terminal.write(piece);
  });
  switch (answer.kind) {
    case 'finished':
      if (json) {
        const { id, profile, accelerator, modelPath } = machine.info;
        terminal.json({
          text: answer.text,
          reason: answer.reason,
          timing: answer.timing,
          machine: { id, profile: profile.name, accelerator: accelerator.accelerator, cores: profile.cores, modelPath },
        });
      } else {
        terminal.line();
        terminal.note(timingText(answer.timing, answer.reason, terminal.paintError));
      }
      return EXIT.ok;
    case 'stopped':
      terminal.line();
      return interrupts.exitCode;
    case 'failed':
      if (!json) terminal.line();
      throw new CommandFailure(answer.error);
  }
}
