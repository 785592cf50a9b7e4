import { type RefObject, useEffect, useRef, useState } from 'react';
import { copyText } from '../../widgets/clipboard.ts';
import type { TerminalOptions, TerminalView } from './TerminalView.ts';
import './terminal.css';

export interface ShownTerminal extends TerminalOptions {
  /** Whether it can be seen now. */
  readonly isVisible: boolean;
}

/**
 * A terminal in an element, with xterm, which comes when the first one is wanted: made with it, made anew for another length of scrollback, fitted whenever it comes into view. Ctrl+Shift+C
 * copies. @returns where the element goes, and the terminal once it is there
 */
export function useTerminalView(options: ShownTerminal): [RefObject<HTMLDivElement | null>, TerminalView | null] {
  const element = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<TerminalView | null>(null);
  // What the terminal asks is answered as of now, not as of when it was made.
  const latest = useRef(options);
  latest.current = options;
  const { scrollback, fontSize, isVisible } = options;

  useEffect(() => {
    const place = element.current;
    if (place === null) return;
    let made: TerminalView | null = null;
    let isOver = false;
    void import('./TerminalView.ts').then(({ TerminalView: View }) => {
      if (isOver) return;
      const view = new View(place, {
        ...latest.current,
        scrollback,
        describe: (links) => latest.current.describe(links),
        follow: (link) => latest.current.follow(link),
        onHyperlink: (address) => latest.current.onHyperlink(address),
      });
      view.interceptKeys((event) => {
        if (!event.ctrlKey || !event.shiftKey || event.code !== 'KeyC' || view.selection === '') return false;
        event.preventDefault();
        void copyText(view.selection);
        return true;
      });
      made = view;
      setView(view);
    });
    return () => {
      isOver = true;
      setView(null);
      made?.dispose();
    };
  }, [scrollback]);

  useEffect(() => view?.setFontSize(fontSize), [view, fontSize]);
  useEffect(() => {
    if (!isVisible || view === null) return;
    // After the dock has given it its size.
    const frame = requestAnimationFrame(() => view.reveal());
    return () => cancelAnimationFrame(frame);
  }, [view, isVisible]);
  return [element, view];
}
