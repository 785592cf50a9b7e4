import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { type ILink, type ITheme, Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import '../../theme/ansi.css';
import { type Disposable, DisposableStore, toDisposable } from '../../../app/base/disposable.ts';
import { Emitter, type Event } from '../../../app/base/event.ts';
import type { TerminalSize } from '../../../app/contract/terminal.ts';
import { findLinks, type TextLink } from './links.ts';
import { OutputQueue } from './output-queue.ts';

export interface TerminalOptions {
  /** What a screen reader calls it. */
  readonly label: string;
  readonly scrollback: number;
  readonly fontSize: number;
  /** A guest ends lines with a bare line feed as often as not; a pseudo-terminal has done it by itself. */
  readonly convertEol: boolean;
  /** What each link of a line leads to, in words, for its tooltip; null for those that lead nowhere, which are not underlined. */
  readonly describe: (links: readonly TextLink[]) => Promise<readonly (string | null)[]>;
  readonly follow: (link: TextLink) => void;
  /**
   * A person has clicked a hyperlink that the output itself brings (OSC 8), whose text need not be its address. The address is one of
   * http or https, and a guest's word: nobody goes there unasked.
   */
  readonly onHyperlink: (address: string) => void;
}

export interface SearchCount {
  /** From 0; -1 if none is selected. */
  readonly index: number;
  readonly count: number;
}

/** An xterm in an element: the studio's colours, output by frames, search and links. The only user of xterm. */
export class TerminalView implements Disposable {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #search = new SearchAddon({ highlightLimit: 2000 });
  readonly #queue: OutputQueue;
  readonly #owned = new DisposableStore();
  readonly #taken = new Emitter<void>();
  /** Bytes that were written, that have been shown, and up to which they are of the past. */
  #written = 0;
  #shown = 0;
  #past = 0;
  /** What a person types, and what programs are answered that ask the terminal; unless they asked in the past. */
  readonly onData: Event<string>;
  /** Some of what was written has been shown. */
  readonly onDidShow = this.#taken.event;
  readonly onDidResize: Event<TerminalSize>;
  readonly onDidChangeTitle: Event<string>;
  readonly onDidSearch: Event<SearchCount>;

  constructor(
    element: HTMLElement,
    { label, scrollback, fontSize, convertEol, describe, follow, onHyperlink }: TerminalOptions,
  ) {
    this.#terminal = new Terminal({
      scrollback,
      fontSize,
      fontFamily: cssValue('--font-mono'),
      lineHeight: 1.25,
      theme: themeFromCss(),
      cursorBlink: false,
      cursorInactiveStyle: 'outline',
      minimumContrastRatio: 4.5,
      allowProposedApi: true,
      convertEol,
      overviewRuler: {},
      linkHandler: {
        activate: (_event, address) => onHyperlink(address),
        hover: (_event, address) => this.#terminal.element?.setAttribute('title', `Leads to ${address}`),
        leave: () => this.#terminal.element?.removeAttribute('title'),
        allowNonHttpProtocols: false,
      },
    });
    const terminal = this.#terminal;
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#search);
    terminal.open(element);
    terminal.textarea?.setAttribute('aria-label', label);
    this.#queue = new OutputQueue({
      write: (bytes, taken) => {
        // A change of size may leave xterm in the belief that a person has scrolled, who has not: what was at the end stays there.
        const { viewportY, baseY } = terminal.buffer.active;
        terminal.write(bytes, () => {
          if (viewportY >= baseY) terminal.scrollToBottom();
          taken();
        });
      },
      nextFrame: inNextFrame,
      onTaken: (bytes) => {
        this.#shown += bytes;
        this.#taken.fire();
      },
      onSkipped: (bytes) => this.note(`${Math.round(bytes / 1024)} KiB came too fast and are left out here`),
    });
    this.onData = (listener) =>
      terminal.onData((text) => {
        if (this.#shown >= this.#past) listener(text);
      });
    this.onDidResize = (listener) => terminal.onResize(({ cols, rows }) => listener({ columns: cols, rows }));
    this.onDidChangeTitle = (listener) => terminal.onTitleChange(listener);
    this.onDidSearch = (listener) =>
      this.#search.onDidChangeResults(({ resultIndex, resultCount }) =>
        listener({ index: resultIndex, count: resultCount }),
      );
    this.#owned.add(
      terminal.registerLinkProvider({
        provideLinks: (row, callback) => {
          const line = terminal.buffer.active.getLine(row - 1)?.translateToString(true) ?? '';
          const links = findLinks(line);
          if (links.length === 0) return callback(undefined);
          void describe(links).then(
            (words) => callback(links.flatMap((link, n) => this.#link(line, row, link, words[n] ?? null, follow))),
            () => callback(undefined),
          );
        },
      }),
    );
    const resized = new ResizeObserver(() => this.fit());
    resized.observe(element);
    this.#owned.add(toDisposable(() => resized.disconnect()));
    const themed = new MutationObserver(() => {
      terminal.options.theme = themeFromCss();
    });
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    this.#owned.add(toDisposable(() => themed.disconnect()));
    this.fit();
  }

  #link(line: string, row: number, link: TextLink, words: string | null, follow: (link: TextLink) => void): ILink[] {
    if (words === null) return [];
    const element = this.#terminal.element;
    return [
      {
        text: line.slice(link.start, link.end),
        range: { start: { x: link.start + 1, y: row }, end: { x: link.end, y: row } },
        activate: () => follow(link),
        hover: () => element?.setAttribute('title', words),
        leave: () => element?.removeAttribute('title'),
      },
    ];
  }

  /** @param replay of the past: programs that asked the terminal in it get no answer now */
  write(bytes: Uint8Array, replay = false): void {
    this.#written += bytes.length;
    if (replay) this.#past = this.#written;
    this.#queue.push(bytes);
  }

  /** Bytes that were written and have not been shown yet. */
  get pending(): number {
    return this.#written - this.#shown;
  }

  get size(): TerminalSize {
    return { columns: this.#terminal.cols, rows: this.#terminal.rows };
  }

  /** As if it were typed; programs that want to know are told that it was not. */
  paste(text: string): void {
    this.#terminal.paste(text);
  }

  /** A line of the studio's own, between those of the guest. */
  note(text: string): void {
    this.#terminal.write(`\r\n\x1b[0m\x1b[2m─── ${text} ───\x1b[0m\r\n`);
  }

  /** Empties it for another machine's output. */
  restart(): void {
    this.#queue.clear();
    this.#terminal.reset();
  }

  clear(): void {
    this.#terminal.clear();
  }

  get selection(): string {
    return this.#terminal.getSelection();
  }

  selectAll(): void {
    this.#terminal.selectAll();
  }

  focus(): void {
    this.#terminal.focus();
  }

  find(text: string, direction: 'next' | 'previous' | 'here'): void {
    const options = {
      incremental: direction === 'here',
      decorations: {
        matchBackground: cssValue('--match'),
        matchOverviewRuler: cssValue('--warning'),
        activeMatchBackground: cssValue('--accent-fill'),
        activeMatchColorOverviewRuler: cssValue('--accent'),
      },
    };
    if (direction === 'previous') this.#search.findPrevious(text, options);
    else this.#search.findNext(text, options);
  }

  endSearch(): void {
    this.#search.clearDecorations();
    this.#terminal.clearSelection();
  }

  setFontSize(pixels: number): void {
    if (this.#terminal.options.fontSize === pixels) return;
    this.#terminal.options.fontSize = pixels;
    this.fit();
  }

  setReadOnly(readOnly: boolean): void {
    this.#terminal.options.disableStdin = readOnly;
    this.#terminal.options.cursorStyle = readOnly ? 'underline' : 'block';
  }

  /** Takes the keys that the studio wants for itself before the guest sees them. */
  interceptKeys(take: (event: KeyboardEvent) => boolean): void {
    this.#terminal.attachCustomKeyEventHandler((event) => event.type !== 'keydown' || !take(event));
  }

  fit(): void {
    // A hidden element has no size, and xterm would take one column for it.
    const { element, buffer } = this.#terminal;
    if ((element?.parentElement?.clientWidth ?? 0) === 0) return;
    const atEnd = buffer.active.viewportY >= buffer.active.baseY;
    this.#fit.fit();
    if (atEnd) this.#terminal.scrollToBottom();
  }

  /** After it was hidden, when it neither knew its size nor where it was scrolled to. */
  reveal(): void {
    this.fit();
    this.#terminal.scrollToBottom();
  }

  dispose(): void {
    this.#queue.dispose();
    this.#owned.dispose();
    this.#terminal.dispose();
    this.#taken.dispose();
  }
}

/** Long enough that a frame comes first wherever frames come at all. */
const HIDDEN_MS = 250;

/** A page that is not seen has no frames; the shell in it goes on. */
function inNextFrame(run: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    run();
  };
  const timer = setTimeout(once, HIDDEN_MS);
  const frame = requestAnimationFrame(once);
}

function cssValue(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function themeFromCss(): ITheme {
  const ansi = (n: number) => cssValue(`--ansi-${n}`);
  return {
    background: cssValue('--bg-editor'),
    foreground: cssValue('--fg'),
    cursor: cssValue('--accent'),
    cursorAccent: cssValue('--bg-editor'),
    selectionBackground: cssValue('--bg-selected-focus'),
    scrollbarSliderBackground: cssValue('--scrollbar'),
    scrollbarSliderHoverBackground: cssValue('--scrollbar-hover'),
    overviewRulerBorder: cssValue('--bg-editor'),
    black: ansi(0),
    red: ansi(1),
    green: ansi(2),
    yellow: ansi(3),
    blue: ansi(4),
    magenta: ansi(5),
    cyan: ansi(6),
    white: ansi(7),
    brightBlack: ansi(8),
    brightRed: ansi(9),
    brightGreen: ansi(10),
    brightYellow: ansi(11),
    brightBlue: ansi(12),
    brightMagenta: ansi(13),
    brightCyan: ansi(14),
    brightWhite: ansi(15),
  };
}
