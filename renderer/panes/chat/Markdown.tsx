import { memo, useEffect, useMemo, useState } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import type { ColouredPiece } from '../../editors/colorize.ts';
import { CopyButton } from '../../widgets/CopyButton.tsx';

/**
 * What a model wrote, drawn. Raw HTML stays text, links lead to http and https only, and only after a person has seen where, and nothing is loaded from anywhere:
 * the text comes from a guest.
 */
export const Markdown = memo(function Markdown({ text, onLink }: MarkdownProps) {
  const components = useMemo(() => ({ ...COMPONENTS, a: linkTo(onLink) }), [onLink]);
  return (
    <ReactMarkdown remarkPlugins={[remarkGfm]} components={components} urlTransform={safeUrl}>
      {text}
    </ReactMarkdown>
  );
});

interface MarkdownProps {
  readonly text: string;
  /** A person chose a link. */
  readonly onLink: (address: string) => void;
}

function safeUrl(url: string): string {
  return /^https?:\/\//i.test(url) ? url : '';
}

function linkTo(onLink: (address: string) => void): Components['a'] {
  return ({ href, children }) =>
    href === undefined || href === '' ? (
      <span>{children}</span>
    ) : (
      <button type="button" className="link" title={href} onClick={() => onLink(href)}>
        {children}
      </button>
    );
}

const COMPONENTS: Components = {
  img: ({ alt, src }) => (
    <span className="chat-image">[image: {alt === undefined || alt === '' ? String(src) : alt}]</span>
  ),
  pre: ({ children }) => <>{children}</>,
  code: ({ className, children }) => {
    const source = String(children ?? '');
    const language = /language-([\w+-]+)/.exec(className ?? '')?.[1];
    return language === undefined && !source.includes('\n') ? (
      <code>{children}</code>
    ) : (
      <CodeBlock source={source.replace(/\n$/, '')} language={language ?? ''} />
    );
  },
  table: ({ children }) => (
    <div className="chat-table">
      <table>{children}</table>
    </div>
  ),
};

function CodeBlock({ source, language }: { readonly source: string; readonly language: string }) {
  const [lines, setLines] = useState<ColouredPiece[][] | null>(null);
  useEffect(() => {
    if (language === '') return;
    let current = true;
    // While it streams, colours follow a moment after the text.
    const timer = setTimeout(() => {
      void import('../../editors/colorize.ts')
        .then(({ colorize }) => colorize(source, language))
        .then((coloured) => current && setLines(coloured));
    }, 120);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [source, language]);
  const plain = lines === null || lines.map((line) => line.map(({ text }) => text).join('')).join('\n') !== source;
  return (
    <div className="chat-code">
      <div className="chat-code-head">
        <span>{language}</span>
        <CopyButton label="Copy the code" text={() => source} />
      </div>
      <pre>
        {plain
          ? source
          : lines.map((line, row) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
              <div key={row}>
                {line.map(({ text, className }, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name
                  <span key={index} className={className}>
                    {text}
                  </span>
                ))}
                {line.length === 0 ? '\n' : null}
              </div>
            ))}
      </pre>
    </div>
  );
}
