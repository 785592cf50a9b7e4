import type { CodePlace } from '../../app/contract/places.ts';
import { studio } from '../host/client.ts';
import { notify } from './notifications.ts';

/** What the images of machines say about addresses, asked once each. */
const known = new Map<string, Map<string, CodePlace>>();
const MAX_KNOWN = 20_000;
const MAX_ASKED = 256;

/** Names and source of addresses of a machine's kernel; those that the host cannot tell are left out. */
export async function placesOf(
  machine: string,
  addresses: readonly string[],
  returns = false,
): Promise<ReadonlyMap<string, CodePlace>> {
  const key = `${machine} ${returns}`;
  let places = known.get(key);
  if (places === undefined || places.size > MAX_KNOWN) {
    places = new Map();
    known.set(key, places);
  }
  const missing = [...new Set(addresses)].filter((address) => !places.has(address)).slice(0, MAX_ASKED);
  if (missing.length > 0) {
    const answer = await studio.inspect.places({ id: machine, addresses: missing, returns });
    if (answer.ok) {
      for (const place of answer.value.places) places.set(place.address, place);
      if (answer.value.rebuilt) warnRebuilt(machine);
    }
  }
  return places;
}

const warned = new Set<string>();

function warnRebuilt(machine: string): void {
  if (warned.has(machine)) return;
  warned.add(machine);
  notify({
    severity: 'warning',
    message: 'The kernel was built again since this machine started',
    detail: 'Names and lines of its addresses are those of the new build. Start the machine again to have them agree.',
    key: `places.${machine}`,
  });
}

/** `ring0::shell::run+0x12, kernel/ring0/src/shell.rs:40`; empty if nothing is known. */
export function placeText({ symbol, source, caller }: CodePlace): string {
  const file = source === null ? '' : `${source.path ?? libraryFile(source.file)}:${source.line}`;
  const from = caller === null ? '' : `called at ${caller.path}:${caller.line}`;
  return [symbol ?? '', file, from].filter((part) => part !== '').join(', ');
}

/** The end of a path outside the workspace, as far as it tells which library it is of. */
export function libraryFile(file: string): string {
  const parts = file.split('/');
  const library = parts.lastIndexOf('library');
  return (library >= 0 ? parts.slice(library + 1) : parts.slice(-4)).join('/');
}

/** Where in the workspace an address leads: its own line, or for library code the line that it was inlined into. */
export function openableOf({ source, caller }: CodePlace): { path: string; line: number; column: number } | null {
  if (source !== null && source.path !== null) return { path: source.path, line: source.line, column: source.column };
  return caller;
}
