import { useEffect, useRef, useState } from 'react';
import { hoverTitle } from '../../widgets/hover-title.ts';

/**
 * Where a processor is, in one line; what is too long for it ends with dots, and is whole in the hover. It is not CSS that cuts it off:
 * what is clipped is painted apart, and Chromium lays the layers of the whole page anew with each text of another length.
 */
export function Place({ text }: { readonly text: string }) {
  const box = useRef<HTMLSpanElement>(null);
  const ruler = useRef<HTMLSpanElement>(null);
  const [columns, setColumns] = useState(Number.POSITIVE_INFINITY);
  useEffect(() => {
    const element = box.current;
    const one = (ruler.current?.getBoundingClientRect().width ?? 0) / RULER.length;
    if (element === null || one === 0) return;
    const observer = new ResizeObserver(() => setColumns(Math.floor(element.clientWidth / one)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <span className="cpu-place" ref={box} {...hoverTitle(text)}>
      <span className="cpu-place-ruler" ref={ruler} aria-hidden="true">
        {RULER}
      </span>
      <span>{cutTo(text, columns)}</span>
    </span>
  );
}

const RULER = '0'.repeat(20);

const cutTo = (text: string, columns: number) =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
