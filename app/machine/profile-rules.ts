import type { Profile } from '../contract/profile.ts';

/** One broken rule: where in the profile, and what the rule says. */
export interface ProfileIssue {
  readonly field: string;
  readonly rule: string;
}

/**
 * QEMU options that a profile may pass on, with what is forbidden in their values. A profile comes with a repository: none of these
 * can read or write a host file, open a host port or run a host program.
 */
const ALLOWED: ReadonlyMap<string, RegExp | undefined> = new Map([
  [
    '-device',
    /(^|,)(loader|vhost-|vfio|usb-host|pci-testdev)|(^|,)(romfile|file|filename|path|host|hostaddr|chardev|drive|netdev|fd|image)=(?!$|(?<=,drive=)null\d{1,2}(,|$))/,
  ],
  // A disk without a file, to be a device's `drive=null0`.
  ['-blockdev', /^(?!driver=null-co,node-name=null\d{1,2},read-zeroes=on(,size=\d{1,15})?$)/],
  ['-global', /(^|\.)(romfile|file|filename|path)=/],
  ['-rtc', undefined],
  ['-icount', /rrfile/],
  ['-smbios', /file=/],
  ['-boot', /splash|menu/],
  ['-no-hpet', undefined],
  ['-overcommit', undefined],
  ['-vga', undefined],
  ['-name', /process=/],
  ['-uuid', undefined],
]);
/** Allowed options that take no value. */
const FLAGS = new Set(['-no-hpet']);

/** What the schema cannot say: rules between fields. */
export function profileIssues(profile: Profile): ProfileIssue[] {
  const issues: ProfileIssue[] = [];
  const add = (field: string, rule: string) => issues.push({ field, rule });
  if (profile.machine === 'microvm') {
    if (profile.firmware === 'ovmf') add('firmware', 'microvm has no UEFI; use pvh, or the machine q35');
    const both = profile.block !== 'none' && profile.network !== 'none';
    if (both && profile.block !== profile.network)
      add('network', 'on microvm block and network must both be modern or both transitional');
  }
  if (profile.kernel !== null && profile.firmware !== 'pvh')
    add('kernel', 'needs firmware pvh: QEMU itself loads a kernel that was not built here');
  if (profile.initrd !== null && profile.kernel === null) add('initrd', 'needs kernel, which it belongs to');
  if (profile.network === 'none' && profile.forwards.length > 0)
    add('forwards', 'needs a network card; set network, or forwards to []');
  for (const side of ['host', 'guest'] as const) {
    const ports = profile.forwards.map((forward) => forward[side]);
    const twice = ports.findIndex((port, n) => port !== 0 && ports.indexOf(port) !== n);
    if (twice >= 0) add(`forwards[${twice}].${side}`, `port ${ports[twice]} is forwarded twice`);
  }
  return [...issues, ...extraArgumentIssues(profile.extraArgs)];
}

function extraArgumentIssues(args: readonly string[]): ProfileIssue[] {
  const issues: ProfileIssue[] = [];
  for (let n = 0; n < args.length; n++) {
    const option = args[n] ?? '';
    const field = `extraArgs[${n}]`;
    if (!ALLOWED.has(option)) {
      issues.push({ field, rule: `${JSON.stringify(option)} is not one of ${[...ALLOWED.keys()].join(' ')}` });
      // What follows may be its value: one broken rule is enough to say.
      if (!option.startsWith('-')) continue;
      if (args[n + 1]?.startsWith('-') === false) n++;
      continue;
    }
    if (FLAGS.has(option)) continue;
    n++;
    const value = args[n];
    if (value === undefined) {
      issues.push({ field, rule: `${option} needs a value` });
      continue;
    }
    const forbidden = ALLOWED.get(option);
    if (/[^\x20-\x7e]/.test(value) || value.startsWith('-'))
      issues.push({ field: `extraArgs[${n}]`, rule: 'must be printable ASCII that does not begin with a dash' });
    else if (forbidden?.test(value))
      issues.push({ field: `extraArgs[${n}]`, rule: `${option} ${JSON.stringify(value)} would reach into the host` });
  }
  return issues;
}
