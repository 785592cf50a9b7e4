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

/** The exit code for an error of a service, by its stable code. */
export function exitCodeFor(error: AppError): number {
  if (error.code === 'cancelled') return EXIT.interrupted;
  if (error.code === 'usage') return EXIT.usage;
  if (/(^|-)(build|compile)(-|$)/.test(error.code)) return EXIT.build;
  if (/(^|-)(panic|exception|crashed|triple-fault|machine-died|guest-died|qemu-died)(-|$)/.test(error.code))
    return EXIT.crashed;
  if (/^(qemu|cargo|rust|rustc|ovmf|firmware|toolchain)-(not-found|missing)$/.test(error.code)) return EXIT.missing;
  if (
    /^(no-such|unknown|no)-(machine|model|profile)/.test(error.code) ||
    /^(machine|model|profile)-not-found$/.test(error.code)
  ) {
    return EXIT.notFound;
  }
  return EXIT.failed;
}
