/** Text with some of its characters marked, each run of them in one piece. */
export function Highlighted({ text, at }: { readonly text: string; readonly at: readonly number[] }) {
  if (at.length === 0) return text;
  const marked = new Set(at);
  const runs: { start: number; text: string; on: boolean }[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const on = marked.has(index);
    const last = runs.at(-1);
    if (last !== undefined && last.on === on) last.text += text[index];
    else runs.push({ start: index, text: text[index] ?? '', on });
  }
  return runs.map((run) =>
    run.on ? (
      <mark key={run.start} className="highlighted">
        {run.text}
      </mark>
    ) : (
      <span key={run.start}>{run.text}</span>
    ),
  );
}
