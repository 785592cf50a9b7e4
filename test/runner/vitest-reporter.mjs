/**
 * Writes what became of every test as one JSON object a line, into the file that TEST_RECORDS names. vitest's own JSON
 * reporter leaves out why a test was skipped, which is the one thing that a skip must tell.
 */
import { appendFileSync } from 'node:fs';

/**
 * Why a test was skipped: its note, or what stands behind the colon of a name such as `builds in a browser: needs Chromium`, which is
 * how a file says it of all its tests.
 * @param {string} note @param {string} name @param {readonly string[]} siblings names of the skipped tests of the file
 */
export function reasonOf(note, name, siblings) {
  if (note !== '') return note;
  const said = [name, ...siblings].map((it) => /: (.+)$/.exec(it)?.[1]).find((it) => it !== undefined);
  return said ?? '';
}

export default class RecordReporter {
  #path = process.env.TEST_RECORDS;

  #write(record) {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
  }

  onTestCaseResult(test) {
    const { state, note = '' } = test.result();
    // Skipped ones wait for the end of their file, where one may speak for all.
    if (state === 'skipped') return;
    this.#write({ state, name: `${test.module.relativeModuleId} > ${test.fullName}`, reason: note });
  }

  /** A file that does not load, or a hook that throws, has no failing test of its own. */
  onTestModuleEnd(module) {
    const skipped = [...module.children.allTests('skipped')];
    const names = skipped.filter((test) => test.parent === module).map((test) => test.name);
    for (const test of skipped) {
      const reason = reasonOf(test.result().note ?? '', test.name, names);
      const name = `${module.relativeModuleId} > ${test.fullName}`;
      // The list of skipped tests writes the reason behind the name.
      this.#write({
        state: 'skipped',
        name: name.endsWith(`: ${reason}`) ? name.slice(0, -2 - reason.length) : name,
        reason,
      });
    }
    for (const error of module.errors())
      this.#write({ state: 'failed', name: module.relativeModuleId, reason: error.message });
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors())
        this.#write({ state: 'failed', name: `${module.relativeModuleId} > ${suite.fullName}`, reason: error.message });
    }
  }

  onTestRunEnd(_modules, unhandledErrors) {
    for (const error of unhandledErrors)
      this.#write({ state: 'failed', name: 'outside of any test', reason: error.message });
    // Proof that the run came to its end; a runner that died leaves none.
    this.#write({ state: 'end' });
  }
}
