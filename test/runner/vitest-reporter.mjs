/**
 * Writes what became of every test as one JSON object a line, into the file that TEST_RECORDS names. vitest's own JSON
 * reporter leaves out why a test was skipped, which is the one thing that a skip must tell.
 */
import { appendFileSync } from 'node:fs';

export default class RecordReporter {
  #path = process.env.TEST_RECORDS;

  #write(record) {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(record)}\n`);
  }

  onTestCaseResult(test) {
    const result = test.result();
    this.#write({
      state: result.state,
      name: `${test.module.relativeModuleId} > ${test.fullName}`,
      reason: result.note ?? '',
    });
  }

  /** A file that does not load, or a hook that throws, has no failing test of its own. */
  onTestModuleEnd(module) {
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
