import { create } from 'zustand';
import { type AppError, messageOf } from '../../../app/base/result.ts';
import type { TerminalInfo, TerminalSize } from '../../../app/contract/terminal.ts';
import { studio, whenConnected } from '../../host/client.ts';
import { followForever } from '../../host/follow.ts';
import { type ConsoleSession, ConsoleSessions } from '../../state/console-session.ts';
import { notifyError } from '../../state/notifications.ts';

interface TerminalState {
  /** As the host lists them; null until it has. */
  readonly terminals: readonly TerminalInfo[] | null;
  /** The one that is shown. */
  readonly active: string | null;
  /** What programs call their windows, by terminal (OSC 0 and 2). */
  readonly titles: ReadonlyMap<string, string>;
  readonly searching: boolean;
  /** The one whose name is being typed. */
  readonly renaming: string | null;
  readonly opening: boolean;
  /** Why the last one could not be opened. */
  readonly error: AppError | null;
}

export const useTerminals = create<TerminalState>(() => ({
  terminals: null,
  active: null,
  titles: new Map(),
  searching: false,
  renaming: null,
  opening: false,
  error: null,
}));

const sessions = new ConsoleSessions((id) => ({
  open: (from, signal) => studio.terminals.output({ id, from }, { signal }),
  write: async (text) => {
    const done = await studio.terminals.write({ id, text });
    // Typed in the moment of the end: the line below says that it has ended.
    if (!done.ok && done.error.code !== 'shell-ended') throw new Error(done.error.what);
  },
  acknowledge: (offset) => studio.terminals.acknowledge({ id, offset }),
  connected: whenConnected,
}));

export function sessionOf(id: string): ConsoleSession {
  return sessions.of(id);
}

/** Mirrors the host's list. Shells are read from when the page knows of them, whether the pane is open or not. */
export function followTerminals() {
  return followForever((signal) => studio.terminals.watch(undefined, { signal }), takeList);
}

function takeList(terminals: readonly TerminalInfo[]): void {
  const ids = terminals.map(({ id }) => id);
  sessions.keepOnly(new Set(ids));
  for (const id of ids) sessions.of(id);
  useTerminals.setState(({ active, titles, terminals: before }) => ({
    terminals,
    active: nextActive(active, before?.map(({ id }) => id) ?? [], ids),
    titles: new Map([...titles].filter(([id]) => ids.includes(id))),
  }));
}

/** Which terminal is shown when the list changes: the same one, or the neighbour of one that is gone. */
export function nextActive(active: string | null, before: readonly string[], now: readonly string[]): string | null {
  if (active !== null && now.includes(active)) return active;
  const at = active === null ? -1 : before.indexOf(active);
  const left = before.slice(0, Math.max(0, at)).findLast((id) => now.includes(id));
  return left ?? now[0] ?? null;
}

export function activeTerminal(): TerminalInfo | null {
  const { terminals, active } = useTerminals.getState();
  return terminals?.find(({ id }) => id === active) ?? null;
}

/** What the commands of the pane act on: the terminals that are drawn, by id. */
export interface DrawnTerminal {
  readonly size: TerminalSize;
  clear(): void;
  copy(): void;
  paste(): void;
  selectAll(): void;
  focus(): void;
}

const drawn = new Map<string, DrawnTerminal>();
/** The terminal that is to have the keyboard once it is drawn. */
let awaited: string | null = null;

/** Undone by what it returns. */
export function setDrawn(id: string, terminal: DrawnTerminal): () => void {
  drawn.set(id, terminal);
  if (awaited === id) focusTerminal(id);
  return () => void drawn.delete(id);
}

export function drawnTerminal(): DrawnTerminal | null {
  const { active } = useTerminals.getState();
  return active === null ? null : (drawn.get(active) ?? null);
}

export function focusTerminal(id: string | null): void {
  const terminal = id === null ? undefined : drawn.get(id);
  awaited = terminal === undefined ? id : null;
  if (terminal !== undefined) requestAnimationFrame(() => terminal.focus());
}

const FIRST_SIZE: TerminalSize = { columns: 80, rows: 24 };

function likelySize(): TerminalSize {
  return drawnTerminal()?.size ?? [...drawn.values()][0]?.size ?? FIRST_SIZE;
}

/** Opens another shell, and puts the keyboard into it. */
export async function openTerminal(): Promise<void> {
  if (useTerminals.getState().opening) return;
  useTerminals.setState({ opening: true, error: null });
  try {
    const made = await studio.terminals.create({ size: likelySize() });
    if (!made.ok) useTerminals.setState({ error: made.error });
    else {
      const { id } = made.value;
      useTerminals.setState(({ terminals }) => ({
        active: id,
        terminals: terminals?.some((it) => it.id === id) ? terminals : [...(terminals ?? []), made.value],
      }));
      focusTerminal(id);
    }
  } catch (thrown) {
    const error = { code: 'failed', what: 'No shell could be opened.', why: messageOf(thrown), fix: 'Try again.' };
    useTerminals.setState({ error });
  } finally {
    useTerminals.setState({ opening: false });
  }
}

export function showTerminal(id: string): void {
  useTerminals.setState({ active: id });
  focusTerminal(id);
}

/** The next or the previous one, round and round. */
export function stepTerminal(step: 1 | -1): void {
  const { terminals, active } = useTerminals.getState();
  if (terminals === null || terminals.length === 0) return;
  const at = terminals.findIndex(({ id }) => id === active);
  const next = terminals[(at + step + terminals.length) % terminals.length];
  if (next !== undefined) showTerminal(next.id);
}

export async function killTerminal(id: string): Promise<void> {
  const hadKeyboard = document.activeElement?.closest('[data-pane="terminal"]') != null;
  const done = await studio.terminals.kill({ id });
  if (!done.ok) notifyError(done.error);
  else if (hadKeyboard) focusTerminal(useTerminals.getState().active);
}

export async function restartTerminal(id: string): Promise<void> {
  const done = await studio.terminals.restart({ id, size: drawn.get(id)?.size ?? FIRST_SIZE });
  if (done.ok) focusTerminal(id);
  else notifyError(done.error);
}

export async function renameTerminal(id: string, name: string): Promise<void> {
  useTerminals.setState({ renaming: null });
  const wanted = name.trim();
  if (wanted === '' || wanted === useTerminals.getState().terminals?.find((it) => it.id === id)?.name) return;
  const done = await studio.terminals.rename({ id, name: wanted });
  if (!done.ok) notifyError(done.error);
}

const MAX_TITLE = 120;

/** A title comes from whatever runs in the terminal: text, one line, bounded. */
export function setTitle(id: string, title: string): void {
  const clean = title.replace(/\p{C}/gu, '').trim().slice(0, MAX_TITLE);
  useTerminals.setState(({ titles }) => ({ titles: new Map(titles).set(id, clean) }));
}
