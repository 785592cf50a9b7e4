import './controls.css';

/** Text in the font of code that scrolls by itself, by keyboard too. */
export function CodeBlock({
  label,
  text,
  className,
  stale,
}: {
  /** What a screen reader calls it. */
  readonly label: string;
  readonly text: string;
  readonly className?: string | undefined;
  /** Whether it is of before. */
  readonly stale?: boolean | undefined;
}) {
  return (
    <section
      className={`code-block${className === undefined ? '' : ` ${className}`}`}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
      tabIndex={0}
      data-stale={stale === true ? '' : undefined}
    >
      {text}
    </section>
  );
}
