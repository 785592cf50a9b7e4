import { describe, expect, test } from 'vitest';
import { err, ok } from '../base/result.ts';
import { PROFILE_DEFAULTS, resolveProfile } from './profile.ts';

async function load(files: Readonly<Record<string, unknown>>, name = 'mine') {
  const read = async (wanted: string) =>
    wanted in files
      ? {
          path: `${wanted}.json`,
          text: typeof files[wanted] === 'string' ? files[wanted] : JSON.stringify(files[wanted]),
          locate: async (file: string) => (file === 'gone' ? err('gone is gone') : ok(`/of/${wanted}/${file}`)),
        }
      : undefined;
  const source = await read(name);
  if (source === undefined) throw new Error('no such file in the test');
  const result = await resolveProfile(name, source, read);
  return result.ok ? result.value : result.error.why;
}

describe('extends', () => {
  test('fields of the nearest profile win, whole', async () => {
    const files = {
      base: { cores: 2, append: 'seed=1', forwards: [{ host: 1, guest: 2 }] },
      middle: { extends: 'base', memoryMiB: 1024, forwards: [] },
      mine: { $schema: './profile.schema.json', extends: 'middle', cores: 4 },
    };
    expect(await load(files)).toEqual({
      ...PROFILE_DEFAULTS,
      name: 'mine',
      cores: 4,
      memoryMiB: 1024,
      append: 'seed=1',
      forwards: [],
    });
  });

  test('a kernel of its own counts from the profile that names it', async () => {
    const files = { base: { kernel: 'boot/vmlinuz', initrd: 'initrd' }, mine: { extends: 'base', initrd: 'other' } };
    expect(await load(files)).toMatchObject({ kernel: '/of/base/boot/vmlinuz', initrd: '/of/mine/other' });
    expect(await load({ mine: { kernel: 'gone' } })).toBe('mine.json: kernel: gone is gone');
    expect(await load({ base: { kernel: 'k' }, mine: { extends: 'base', kernel: null } })).toMatchObject({
      kernel: null,
    });
  });

  test('circles, missing profiles and endless chains are named', async () => {
    expect(await load({ mine: { extends: 'other' }, other: { extends: 'mine' } })).toBe(
      'other.json: extends: goes round in a circle: mine.json → other.json → mine.json',
    );
    expect(await load({ mine: { extends: 'nobody' } })).toBe('mine.json: extends: there is no profile "nobody"');
    const deep = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`p${n}`, { extends: `p${n + 1}` }]));
    expect(await load(deep, 'p0')).toContain('more than 8 profiles deep');
  });
});

describe('hostile files', () => {
  test.each([
    ['{', 'mine.json: is not JSON'],
    ['[]', 'mine.json: Invalid input: expected object'],
    [{ cores: 0 }, 'mine.json: cores: must be a whole number from 1 to 64'],
    [{ cores: 1e9 }, 'mine.json: cores: must be a whole number from 1 to 64'],
    [{ memoryMiB: 1.5 }, 'mine.json: memoryMiB'],
    [{ speed: 1 }, 'mine.json: Unrecognized key: "speed"'],
    [{ append: 'a\nb' }, 'mine.json: append: must be one line of printable ASCII'],
    [{ cpu: 'max,-x;rm' }, 'mine.json: cpu: must be a QEMU CPU model'],
    [{ extends: '../../etc/passwd' }, 'mine.json: extends: must be 1 to 32'],
    [{ forwards: [{ host: 70000, guest: 1 }] }, 'mine.json: forwards[0].host'],
    [
      {
        forwards: [
          { host: 1, guest: 8080 },
          { host: 2, guest: 8080 },
        ],
      },
      'mine.json: forwards[1].guest: port 8080 is forwarded twice',
    ],
    [{ network: 'none' }, 'mine.json: forwards: needs a network card'],
    [{ machine: 'microvm', firmware: 'ovmf' }, 'mine.json: firmware: microvm has no UEFI'],
    [{ machine: 'microvm', block: 'transitional' }, 'mine.json: network: on microvm'],
    [{ kernel: '/etc/shadow' }, 'mine.json: kernel: must be a relative path'],
    [{ kernel: 'a,b' }, 'mine.json: kernel: must be a relative path'],
    [{ initrd: 'i' }, 'mine.json: initrd: needs kernel'],
    [{ kernel: 'k', firmware: 'ovmf' }, 'mine.json: kernel: needs firmware pvh'],
    ['x'.repeat(70_000), 'mine.json: must be shorter'],
  ])('%j', async (file, message) => {
    expect(await load({ mine: file })).toContain(message);
  });
});

describe('extra arguments', () => {
  test.each([
    [['-drive', 'file=/etc/shadow']],
    [['-device', 'loader,file=/etc/shadow']],
    [['-device', 'virtio-blk-pci,drive=model']],
    [['-device', 'virtio-blk-pci,drive=null0/../model']],
    [['-device', 'virtio-blk-pci,drive=null0,romfile=null0']],
    [['-device', 'virtio-blk-pci,romfile=null0']],
    [['-blockdev', 'driver=file,node-name=null0,filename=/etc/shadow']],
    [['-blockdev', 'driver=null-co,node-name=null0,read-zeroes=on,size=1,driver=host_device']],
    [['-device', 'virtio-net-pci,romfile=/etc/shadow']],
    [['-netdev', 'tap,id=x,script=/tmp/evil']],
    [['-monitor', 'stdio']],
    [['-D', '/tmp/x']],
    [['-icount', 'shift=1,rr=record,rrfile=/tmp/x']],
    [['-smbios', 'file=/etc/shadow']],
    [['-device']],
    [['-device', '-monitor']],
    [['stray']],
  ])('%j is refused', async (extraArgs) => {
    expect(await load({ mine: { extraArgs } })).toContain('mine.json: extraArgs[');
  });

  test('harmless ones are taken', async () => {
    const extraArgs = ['-device', 'virtio-rng-pci', '-no-hpet', '-rtc', 'base=utc', '-smbios', 'type=1,product=ring0'];
    expect(await load({ mine: { extraArgs } })).toMatchObject({ extraArgs });
  });

  test('a disk without a file is harmless', async () => {
    const extraArgs = [
      ...['-blockdev', 'driver=null-co,node-name=null0,read-zeroes=on,size=1048576'],
      ...['-device', 'virtio-blk-pci,drive=null0,id=spare0'],
    ];
    expect(await load({ mine: { extraArgs } })).toMatchObject({ extraArgs });
  });
});
