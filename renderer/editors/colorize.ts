import { monaco } from './monaco.ts';

/** A piece of source in one colour; the class is Monaco's. */
export interface ColouredPiece {
  readonly text: string;
  readonly className: string;
}

const ALIASES: Readonly<Record<string, string>> = {
  rs: 'rust',
  sh: 'shell',
  bash: 'shell',
  js: 'javascript',
  ts: 'typescript',
  py: 'python',
  c: 'cpp',
  'c++': 'cpp',
  yml: 'yaml',
  md: 'markdown',
};
/** More would hold up the page for colours. */
const MAX_CHARACTERS = 20_000;

/** Source coloured by Monaco, line by line, as pieces of text: no HTML leaves this function. Null where there is no such language. */
export async function colorize(source: string, language: string): Promise<ColouredPiece[][] | null> {
  const id = ALIASES[language] ?? language;
  if (source.length > MAX_CHARACTERS || !monaco.languages.getLanguages().some((known) => known.id === id)) return null;
  // Monaco wants an element, and makes its colours known to the page on the way.
  const element = document.createElement('pre');
  element.textContent = source;
  element.setAttribute('data-lang', id);
  await monaco.editor.colorizeElement(element, { tabSize: 4 });
  const lines: ColouredPiece[][] = [[]];
  const walk = (node: Node, className: string) => {
    if (node instanceof HTMLBRElement) lines.push([]);
    else if (node instanceof Text)
      lines.at(-1)?.push({ text: (node.textContent ?? '').replaceAll('\u00a0', ' '), className });
    else for (const child of node.childNodes) walk(child, node instanceof HTMLElement ? node.className : className);
  };
  for (const child of element.childNodes) walk(child, '');
  return lines;
}
