/** What a piece of rustc's drawing is: it comes without colours, and gets rustc's own. */
export type Tone = 'plain' | 'error' | 'warning' | 'help' | 'gutter' | 'strong';

export interface Toned {
  readonly text: string;
  readonly tone: Tone;
}

/** A place in a file that the text names. */
export interface PlaceLink {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface RustcLine {
  readonly pieces: readonly Toned[];
  readonly place: PlaceLink | null;
}

/** Splits rustc's rendered text into lines and gives each piece its tone. */
export function rustcLines(rendered: string): RustcLine[] {
  let mark: Tone = 'error';
  return rendered
    .trimEnd()
    .split('\n')
    .map((line): RustcLine => {
      const head = /^(error|warning|note|help)(\[[^\]]+\])?(: .*)$/.exec(line);
      if (head !== null) {
        mark = head[1] === 'error' ? 'error' : head[1] === 'warning' ? 'warning' : 'help';
        return { place: null, pieces: [piece(`${head[1]}${head[2] ?? ''}`, mark), piece(head[3] ?? '', 'strong')] };
      }
      const arrow = /^(\s*(?:-->|:::) )(.+?):(\d+):(\d+)$/.exec(line);
      if (arrow !== null) {
        const [, before = '', file = '', at = '1', column = '1'] = arrow;
        return {
          place: { file, line: Number(at), column: Number(column) },
          pieces: [piece(before, 'gutter'), piece(`${file}:${at}:${column}`, 'plain')],
        };
      }
      const note = /^(\s*= )(note|help|warning)(: .*)$/.exec(line);
      if (note !== null) {
        return {
          place: null,
          pieces: [piece(note[1] ?? '', 'gutter'), piece(note[2] ?? '', 'help'), piece(note[3] ?? '', 'plain')],
        };
      }
      const source = /^(\s*\d*\s*(?:\||\+|-|~))(.*)$/.exec(line);
      if (source === null) return { place: null, pieces: [piece(line, 'plain')] };
      const [, gutter = '', rest = ''] = source;
      return { place: null, pieces: [piece(gutter, 'gutter'), ...marked(rest, mark)] };
    });
}

/** The marks below a line of source, and what is written beside them: carets are the fault, dashes what belongs to it. */
function marked(text: string, tone: Tone): Toned[] {
  if (!/^[\s|]*(?:\^|-{2,}|\+{2,}|~{2,})/.test(text)) return [piece(text, 'plain')];
  const caret = text.indexOf('^');
  if (caret < 0) return [piece(text, 'help')];
  const before = text.slice(0, caret);
  return [...(before === '' ? [] : [piece(before, 'help')]), piece(text.slice(caret), tone)];
}

function piece(text: string, tone: Tone): Toned {
  return { text, tone };
}
