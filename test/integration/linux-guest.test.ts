/** A kernel that nobody here wrote: the studio boots it, and its RAM and registers are there as ours are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseRegisters } from '../../app/wire/qemu-registers.ts';
import { expectOk, Lab } from '../support/lab.ts';
import { bootLinux, needLinux } from '../support/linux-guest.ts';

const lab = new Lab();
const folder = mkdtempSync(join(tmpdir(), 'r0-linux-'));
afterAll(() => {
  lab.dispose();
  rmSync(folder, { recursive: true, force: true });
});

it('boots a Linux of Debian with its virtio drivers', async (context) => {
  const files = needLinux(context);
  const disk = join(folder, 'disk.img');
  writeFileSync(disk, Buffer.alloc(1 << 20, 'ring0-disk\n'));
  const machine = await bootLinux(lab, files, { disk, cores: 2 });
  expect(machine.machine.info).toMatchObject({ elfPath: files.kernel, modelPath: disk });
  expect(await machine.shell('uname -r')).toBe(files.release);
  expect(await machine.shell('dd if=/dev/vda bs=10 count=1 2>/dev/null; echo')).toContain('ring0-disk');
  expect(await machine.shell('ping -c 1 10.0.2.2')).toContain('1 packets received');
  const processors = parseRegisters(expectOk(await machine.machine.registers()));
  expect(processors.map(({ index }) => index)).toEqual([0, 1]);
  // What only our kernel writes down is said to be only our kernel's.
  const boot = await lab.host.inspect.boot({ machine: machine.machine.info });
  expect(boot).toMatchObject({
    ok: false,
    error: { code: 'foreign-kernel', what: expect.stringContaining('this machine runs another') },
  });
  expect(await machine.stop()).toBe(true);
});
