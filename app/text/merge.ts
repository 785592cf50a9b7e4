/**
 * A three-way merge of texts by lines, as `diff3` does it: what only one side has changed is taken, what both have changed in the same way
 * is taken once, and what they have changed differently is a conflict, in which the first side's lines stay.
 */

export interface Merge {
  readonly text: string;
  /** Places where both sides have changed the same lines differently. */
  readonly conflicts: number;
}

/** Beyond this product of lines a comparison would hold up the page. */
const MAX_CELLS = 20_000_000;

/** Null where the texts are too long to be compared. */
export function mergeTexts(base: string, mine: string, theirs: string): Merge | null {
  if (mine === theirs || base === theirs) return { text: mine, conflicts: 0 };
  if (base === mine) return { text: theirs, conflicts: 0 };
  const [before, own, other] = [base, mine, theirs].map(linesOf) as [string[], string[], string[]];
  const ours = changesBetween(before, own);
  const foreign = changesBetween(before, other);
  if (ours === null || foreign === null) return null;
  const pieces: string[] = [];
  let conflicts = 0;
  /** Lines of the base that are done. */
  let at = 0;
  let [left, right] = [0, 0];
  while (left < ours.length || right < foreign.length) {
    const start = Math.min(ours[left]?.start ?? before.length, foreign[right]?.start ?? before.length);
    // A region takes in every change of either side that touches it.
    let end = start;
    const [firstLeft, firstRight] = [left, right];
    for (;;) {
      const next = ours[left];
      const another = foreign[right];
      if (next !== undefined && touches(next, start, end)) {
        end = Math.max(end, next.end);
        left += 1;
      } else if (another !== undefined && touches(another, start, end)) {
        end = Math.max(end, another.end);
        right += 1;
      } else break;
    }
    pieces.push(...before.slice(at, start));
    const mineHere = apply(before, own, ours.slice(firstLeft, left), start, end);
    const theirsHere = apply(before, other, foreign.slice(firstRight, right), start, end);
    if (left === firstLeft) pieces.push(...theirsHere);
    else {
      if (right > firstRight && mineHere.join('') !== theirsHere.join('')) conflicts += 1;
      pieces.push(...mineHere);
    }
    at = end;
  }
  pieces.push(...before.slice(at));
  return { text: pieces.join(''), conflicts };
}

/** Lines from `start` to `end` of the base became lines from `from` to `to` of the other text. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Changes that stand side by side are one region: nobody can say in which order they belong. */
function touches(change: Change, start: number, end: number): boolean {
  return change.start <= end && change.end >= start;
}

function apply(
  before: readonly string[],
  after: readonly string[],
  changes: readonly Change[],
  start: number,
  end: number,
) {
  const lines: string[] = [];
  let at = start;
  for (const change of changes) {
    lines.push(...before.slice(at, change.start), ...after.slice(change.from, change.to));
    at = change.end;
  }
  lines.push(...before.slice(at, end));
  return lines;
}

/** With their ends of line, so that joining them gives the text. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The longest common subsequence by dynamic programming, after equal beginnings and ends are set aside. */
function changesBetween(before: readonly string[], after: readonly string[]): Change[] | null {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail += 1;
  const rows = before.length - head - tail;
  const columns = after.length - head - tail;
  if (rows * columns > MAX_CELLS) return null;
  /** Length of the longest common subsequence of what comes from a row and a column on. */
  const width = columns + 1;
  const lengths = new Uint32Array((rows + 1) * width);
  const lengthAt = (row: number, column: number) => lengths[row * width + column] ?? 0;
  for (let row = rows - 1; row >= 0; row -= 1)
    for (let column = columns - 1; column >= 0; column -= 1)
      lengths[row * width + column] =
        before[head + row] === after[head + column]
          ? lengthAt(row + 1, column + 1) + 1
          : Math.max(lengthAt(row + 1, column), lengthAt(row, column + 1));
  const changes: Change[] = [];
  let [row, column] = [0, 0];
  while (row < rows || column < columns) {
    if (row < rows && column < columns && before[head + row] === after[head + column]) {
      row += 1;
      column += 1;
      continue;
    }
    const [start, from] = [row, column];
    while (
      (row < rows || column < columns) &&
      !(row < rows && column < columns && before[head + row] === after[head + column])
    ) {
      if (column >= columns || (row < rows && lengthAt(row + 1, column) >= lengthAt(row, column + 1))) row += 1;
      else column += 1;
    }
    changes.push({ start: head + start, end: head + row, from: head + from, to: head + column });
  }
  return changes;
}
