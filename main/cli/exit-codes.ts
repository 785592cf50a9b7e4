import type { AppError } from '../../app/base/result.ts';

/** What a script can tell from the exit status alone. `ring0 --help` prints this table. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  missing: 3,
  build: 4,
  crashed: 5,
  notFound: 6,
  hangup: 129,
  interrupted: 130,
  terminated: 143,
} as const;

export const EXIT_MEANINGS: ReadonlyArray<readonly [number, string]> = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'failed; stderr says what happened, why, and what to do'],
  [EXIT.usage, 'the command line was wrong'],
  [EXIT.missing, 'something is not installed; `ring0 doctor` says what'],
  [EXIT.build, 'the kernel did not build'],
  [EXIT.crashed, 'the guest panicked, took an exception or died'],
  [EXIT.notFound, 'no machine, model or profile of that name'],
  [EXIT.hangup, 'the terminal was closed (SIGHUP)'],
  [EXIT.interrupted, 'interrupted with Ctrl-C (SIGINT)'],
  [EXIT.terminated, 'terminated (SIGTERM)'],
];

/** Error codes of the services (and of the commands) that mean more than "failed". */
const BY_ERROR: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  'several-machines': EXIT.usage,
  cancelled: EXIT.interrupted,
  'qemu-unusable': EXIT.missing,
  'accelerator-unusable': EXIT.missing,
  'no-ovmf': EXIT.missing,
  'cannot-start-process': EXIT.missing,
  'build-failed': EXIT.build,
  'image-failed': EXIT.build,
  'machine-crashed': EXIT.crashed,
  'guest-died': EXIT.crashed,
  'no-machine': EXIT.notFound,
  'no-such-profile': EXIT.notFound,
  'no-such-model': EXIT.notFound,
};

/** The exit code for an error, by its stable code. */
export function exitCodeFor(error: AppError): number {
  return Object.hasOwn(BY_ERROR, error.code) ? (BY_ERROR[error.code] ?? EXIT.failed) : EXIT.failed;
}
