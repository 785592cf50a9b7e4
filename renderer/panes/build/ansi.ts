/** A piece of text in one style. Drawn as text, never as HTML. */
export interface Span {
  readonly text: string;
  /** 0–7 normal, 8–15 bright; null is the pane's own. */
  readonly colour: number | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
}

type Style = Omit<Span, 'text'>;

const PLAIN: Style = { colour: null, bold: false, dim: false, italic: false, underline: false };
// CSI sequences (ECMA-48 §5.4), OSC strings up to their end, and other two-byte escapes.
const ESCAPE = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])/g;

/** Text with ANSI escapes as styled spans. Colours are taken (SGR, ECMA-48 §8.3.117); whatever moves a cursor is dropped. */
export function parseAnsi(text: string): Span[] {
  const spans: Span[] = [];
  let style = PLAIN;
  let from = 0;
  const push = (end: number) => {
    const piece = text.slice(from, end).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
    if (piece !== '') spans.push({ text: piece, ...style });
  };
  for (const match of text.matchAll(ESCAPE)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = applySgr(style, match[1] ?? '');
  }
  push(text.length);
  return spans;
}

function applySgr(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((part) => (part === '' ? 0 : Number(part)));
  let now = style;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) now = PLAIN;
    else if (code === 1) now = { ...now, bold: true };
    else if (code === 2) now = { ...now, dim: true };
    else if (code === 3) now = { ...now, italic: true };
    else if (code === 4) now = { ...now, underline: true };
    else if (code === 22) now = { ...now, bold: false, dim: false };
    else if (code === 23) now = { ...now, italic: false };
    else if (code === 24) now = { ...now, underline: false };
    else if (code >= 30 && code <= 37) now = { ...now, colour: code - 30 };
    else if (code >= 90 && code <= 97) now = { ...now, colour: code - 82 };
    else if (code === 39) now = { ...now, colour: null };
    else if (code === 38 || code === 48) {
      // 5;N is the palette, whose first sixteen are ours; 2;R;G;B is dropped.
      const index = codes[i + 1] === 5 ? codes[i + 2] : undefined;
      if (code === 38) now = { ...now, colour: index !== undefined && index < 16 ? index : null };
      i += codes[i + 1] === 5 ? 2 : 4;
    }
  }
  return now;
}
