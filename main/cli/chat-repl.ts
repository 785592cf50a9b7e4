/** `ring0 chat` without a prompt: a conversation line by line, with history across sessions. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describeError } from '../../app/base/result.ts';
import type { Machine } from '../../app/contract/index.ts';
import { closest } from './arguments.ts';
import { describeMachine, describeState } from './boot.ts';
import { type ChatSession, timingText } from './chat-session.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { reportEnd } from './serial-console.ts';

const HISTORY_LINES = 1000;

const HELP: ReadonlyArray<readonly [string, string]> = [
  ['/stop', 'stop the answer that is being written (so does Ctrl-C)'],
  ['/reset', 'forget the conversation'],
  ['/system TEXT', 'begin a new conversation under this instruction; without TEXT, under none'],
  ['/info', 'the machine and the model behind it'],
  ['/quit', 'leave (so do Ctrl-D, and Ctrl-C on an empty line)'],
];

function historyPath(): string {
  const state = process.env.XDG_STATE_HOME;
  return join(
    state === undefined || state === '' ? join(homedir(), '.local', 'state') : state,
    'ring0',
    'chat-history',
  );
}

/** Newest first, as readline wants it. A history that cannot be read is an empty one. */
function readHistory(): string[] {
  try {
    return readFileSync(historyPath(), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .slice(-HISTORY_LINES)
      .reverse();
  } catch {
    return [];
  }
}

function writeHistory(newestFirst: readonly string[]): void {
  const path = historyPath();
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, [...newestFirst].slice(0, HISTORY_LINES).reverse().join('\n'), { mode: 0o600 });
  } catch {
    // A read-only home costs the history, not the conversation.
  }
}

/** Converses until the person or the machine leaves. @returns the exit code */
export async function converse(context: CommandContext, machine: Machine, session: ChatSession): Promise<number> {
  const { terminal, interrupts } = context;
  const keyboard = terminal.interactive;
  const prompt = keyboard ? terminal.paint('cyan', session.mode === 'chat' ? 'you> ' : 'text> ') : '';
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: keyboard,
    prompt,
    history: readHistory(),
    historySize: HISTORY_LINES,
  });
  lines.on('history', writeHistory);
  const waiting: string[] = [];
  let wake = () => {};
  let over = false;
  let answer: AbortController | undefined;

  const end = () => {
    over = true;
    answer?.abort();
    wake();
  };
  // Without a keyboard, the end of input lets the last question be answered first.
  lines.on('close', () => {
    if (keyboard) return end();
    over = true;
    wake();
  });
  lines.on('line', (line) => {
    if (line.trim() === '/stop') answer?.abort();
    else waiting.push(line);
    wake();
  });
  const onInterrupt = () => {
    if (answer !== undefined) answer.abort();
    else if (lines.line !== '') lines.write(null, { ctrl: true, name: 'u' });
    else interrupts.abort();
  };
  lines.on('SIGINT', onInterrupt);
  const soft = interrupts.onInterrupt(onInterrupt);
  interrupts.signal.addEventListener('abort', end, { once: true });
  const watching = machine.onDidChangeState((state) => {
    if (state.phase === 'crashed' || state.phase === 'stopped' || state.phase === 'failed') end();
  });

  try {
    if (keyboard) terminal.hint('Type a message. /help lists the commands; Ctrl-C stops an answer, then leaves.');
    for (;;) {
      if (waiting.length === 0) {
        if (over) break;
        if (keyboard) lines.prompt();
        await new Promise<void>((resolve) => {
          wake = resolve;
          // What arrived before `wake` was set must not be slept through.
          if (over || waiting.length > 0) resolve();
        });
        continue;
      }
      const line = (waiting.shift() ?? '').trim();
      if (line === '') continue;
      if (line === '/quit' || line === '/exit') break;
      if (line.startsWith('/')) {
        command(context, machine, session, line);
        continue;
      }
      answer = new AbortController();
      await showAnswer(context, session, line, answer.signal);
      answer = undefined;
      if (interrupts.signal.aborted) break;
    }
  } finally {
    watching.dispose();
    soft.dispose();
    interrupts.signal.removeEventListener('abort', end);
    lines.close();
  }
  if (interrupts.signal.aborted) return interrupts.exitCode;
  const { state } = machine;
  return state.phase === 'crashed' || state.phase === 'failed' ? reportEnd(context, state) : EXIT.ok;
}

async function showAnswer(
  { terminal }: CommandContext,
  session: ChatSession,
  line: string,
  signal: AbortSignal,
): Promise<void> {
  if (session.mode === 'plain') terminal.write(terminal.paint('dim', line));
  const answer = await session.ask(line, signal, (piece) => terminal.write(piece));
  terminal.line();
  if (answer.kind === 'finished') terminal.note(timingText(answer.timing, answer.reason, terminal.paintError));
  if (answer.kind === 'stopped') terminal.hint('[stopped]');
  if (answer.kind === 'failed') {
    terminal.error(answer.error);
    if (/context/.test(describeError(answer.error))) terminal.hint('/reset forgets the conversation and makes room');
  }
}

function command({ terminal }: CommandContext, machine: Machine, session: ChatSession, line: string): void {
  const [name = '', ...words] = line.split(/\s+/);
  switch (name) {
    case '/help':
      for (const [usage, meaning] of HELP) terminal.hint(`${usage.padEnd(14)}${meaning}`);
      return;
    case '/reset':
      session.reset();
      terminal.hint('forgotten');
      return;
    case '/system':
      session.system = words.length === 0 ? undefined : words.join(' ');
      terminal.hint(session.system === undefined ? 'no instruction; a new conversation' : 'noted; a new conversation');
      return;
    case '/info':
      terminal.hint(
        `${describeMachine(machine)}\n${describeState(machine.state)}, model ${machine.info.modelPath ?? '(none)'}, ${session.turns} questions so far`,
      );
      return;
    default: {
      const near = closest(
        name,
        HELP.map(([usage]) => usage.split(' ')[0] ?? ''),
      );
      terminal.hint(
        `there is no ${name}; ${near === undefined ? '/help lists the commands' : `did you mean ${near}?`}`,
      );
    }
  }
}
