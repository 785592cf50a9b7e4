import type { BuildStatus } from './studio.ts';

/** Before the first build. In a file of its own, so that the page gets it without the schemas. */
export const NO_BUILD_STATUS: BuildStatus = {
  number: 0,
  phase: 'idle',
  startedAt: null,
  endedAt: null,
  step: '',
  crates: 0,
  compiled: 0,
  problems: [],
  output: [],
  result: null,
  error: null,
};
