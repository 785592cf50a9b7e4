import { resolveFile, type TextLink } from '../editors/terminal/links.ts';
import { studio } from '../host/client.ts';
import { notify } from '../state/notifications.ts';
import { openableOf, placesOf, placeText } from '../state/places.ts';
import { copyText } from '../widgets/clipboard.ts';
import { ask } from './dialog.ts';
import { openFile } from './open.ts';

/**
 * What links of a line of output lead to; an address without name and source leads nowhere.
 * @param machine whose kernel addresses are of; null where there is none
 */
export async function describeLinks(machine: string | null, links: readonly TextLink[]): Promise<(string | null)[]> {
  return Promise.all(
    links.map(async (link) => {
      if (link.kind === 'place') return `Open ${link.file}:${link.line}`;
      if (machine === null) return null;
      const place = (await placesOf(machine, [link.address], link.isReturn)).get(link.address);
      const words = place === undefined ? '' : placeText(place);
      return words === '' ? null : words;
    }),
  );
}

/**
 * A hyperlink of a program's output or of a model's answer. Its text may say one thing and its address another, so the address is shown as the browser would
 * take it, with the letters of other alphabets spelled out, and a person decides.
 * @param writer who has written the link, as the begin of a sentence
 */
export async function askForAddress(text: string, writer = 'The program whose output this is'): Promise<void> {
  const address = URL.canParse(text) ? new URL(text) : null;
  if (address === null || (address.protocol !== 'http:' && address.protocol !== 'https:')) return;
  // A window of the desktop shell opens no other windows.
  const buttons = window.ring0 === undefined ? [COPY, OPEN] : [COPY];
  const wanted = await ask(
    `A link to ${address.host}`,
    `${address.href}\n\n${writer} has written this address; it may not be what the link’s text says.`,
    buttons,
  );
  if (wanted === COPY) await copyText(address.href);
  if (wanted === OPEN) window.open(address.href, '_blank', 'noopener,noreferrer');
}
const COPY = 'Copy Address';
const OPEN = 'Open in New Tab';

/** Opens what a link means; what cannot be opened is said. */
export async function followLink(machine: string | null, link: TextLink): Promise<void> {
  if (link.kind === 'place') return followPlace(link.file, link.line, link.column);
  if (machine === null) return;
  const place = (await placesOf(machine, [link.address], link.isReturn)).get(link.address);
  if (place === undefined) return;
  const openable = openableOf(place);
  if (openable !== null) openFile(openable.path, { line: openable.line, column: Math.max(1, openable.column) });
  // The line itself says all, where it is the very place.
  if (openable === null || place.source?.path === null)
    notify({
      severity: 'info',
      message: place.symbol ?? link.address,
      detail: `${link.address}\n${placeText({ ...place, symbol: null })}`,
      key: 'link.symbol',
      sticky: false,
      actions: [{ title: 'Copy', run: () => copyText(`${link.address} ${placeText(place)}`) }],
    });
}

async function followPlace(file: string, line: number, column: number): Promise<void> {
  const files = await studio.workspace.quickOpen();
  const path = files.ok ? resolveFile(file, files.value.paths) : null;
  if (path !== null) openFile(path, { line, column });
  else notify({ severity: 'warning', message: `${file} is not one file of this workspace`, key: 'link.file' });
}
