/** Counts what the runners report: vitest's records, cargo's lines, and plain commands that either work or do not. */

/** @typedef {{ passed: number, failed: string[], skipped: { name: string, reason: string }[] }} Tally */

/** @returns {Tally} */
export const emptyTally = () => ({ passed: 0, failed: [], skipped: [] });

/** @param {Tally} into @param {Tally} from */
export function add(into, from) {
  into.passed += from.passed;
  into.failed.push(...from.failed);
  into.skipped.push(...from.skipped);
}

/**
 * @param {string} text the lines of vitest-reporter.mjs
 * @param {string} name of the step, for a run that died or ran nothing
 * @param {number} exitCode of vitest
 * @returns {Tally}
 */
export function tallyVitest(text, name, exitCode) {
  const tally = emptyTally();
  let ended = false;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const record = JSON.parse(line);
    if (record.state === 'passed') tally.passed += 1;
    else if (record.state === 'skipped') tally.skipped.push({ name: record.name, reason: record.reason });
    else if (record.state === 'end') ended = true;
    else tally.failed.push(record.reason === '' ? record.name : `${record.name}: ${record.reason}`);
  }
  if (!ended) tally.failed.push(`${name}: vitest did not come to its end (exit code ${exitCode})`);
  else if (tally.passed + tally.failed.length + tally.skipped.length === 0)
    tally.failed.push(`${name}: vitest ran no test at all`);
  else if (exitCode !== 0 && tally.failed.length === 0)
    tally.failed.push(`${name}: vitest failed with exit code ${exitCode} and named no test`);
  return tally;
}

/**
 * @param {string} output of `cargo test`
 * @param {string} name of the step
 * @param {number} exitCode of cargo
 * @returns {Tally}
 */
export function tallyCargo(output, name, exitCode) {
  const tally = emptyTally();
  let results = 0;
  let failedCount = 0;
  for (const line of output.split('\n')) {
    const result = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/.exec(line);
    if (result !== null) {
      results += 1;
      tally.passed += Number(result[1]);
      failedCount += Number(result[2]);
    }
    const ignored = /^test (.+?) \.\.\. ignored(?:, (.*))?$/.exec(line);
    if (ignored !== null) tally.skipped.push({ name: ignored[1], reason: ignored[2] ?? 'marked #[ignore]' });
    const failed = /^test (.+?) \.\.\. FAILED$/.exec(line);
    if (failed !== null) tally.failed.push(failed[1]);
  }
  // With --nocapture-like output a FAILED line can be torn apart; the count is what holds.
  while (tally.failed.length < failedCount) tally.failed.push(`${name}: a test whose name was lost in the output`);
  if (results === 0) tally.failed.push(`${name}: cargo ran no test at all (exit code ${exitCode})`);
  else if (exitCode !== 0 && tally.failed.length === 0)
    tally.failed.push(`${name}: cargo failed with exit code ${exitCode} and named no test`);
  return tally;
}

/** @param {string} name @param {number} exitCode @returns {Tally} a command counts as one test */
export function tallyCommand(name, exitCode) {
  return exitCode === 0
    ? { ...emptyTally(), passed: 1 }
    : { ...emptyTally(), failed: [`${name} (exit code ${exitCode})`] };
}

/** @param {Tally} tally @returns {string} the last line of `npm test` */
export const summary = (tally) =>
  `${tally.passed} passed, ${tally.failed.length} failed, ${tally.skipped.length} skipped`;

/** @param {Tally} tally @returns {number} exit code: failing, and running nothing, are both failures */
export const verdict = (tally) => (tally.failed.length === 0 && tally.passed > 0 ? 0 : 1);
