import type { TerminalInfo, TerminalState } from '../../../app/contract/terminal.ts';

/** How a shell has ended, in words; null while it runs. */
export function endWords(state: TerminalState): { readonly label: string; readonly bad: boolean } | null {
  if (state.phase === 'running') return null;
  if (state.signal !== null) return { label: `The shell was ended by ${state.signal}.`, bad: true };
  if (state.code === null) return { label: 'The shell is gone; nobody saw how it ended.', bad: true };
  return { label: `The shell has ended with exit code ${state.code}.`, bad: state.code !== 0 };
}

/** Names for a list: where two are alike, the later ones are numbered. */
export function listNames(terminals: readonly TerminalInfo[]): ReadonlyMap<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    terminals.map(({ id, name }) => {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return [id, count === 1 ? name : `${name} ${count}`];
    }),
  );
}
