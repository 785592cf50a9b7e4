import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ProfileFileSchema } from '../../../app/contract/profile.ts';
import { DirectoryProfiles } from './index.ts';

const shipped = fileURLToPath(new URL('../../../qemu-profiles', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ring0-profiles-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('shipped profiles', () => {
  const profiles = new DirectoryProfiles(shipped);

  test('all load', async () => {
    const list = await profiles.list();
    expect(list.map(({ name, error }) => [name, error])).toEqual([
      ['direct', null],
      ['microvm', null],
      ['smp4', null],
      ['uefi', null],
    ]);
    expect(await profiles.load('smp4')).toMatchObject({
      ok: true,
      value: { cores: 4, machine: 'q35', firmware: 'pvh' },
    });
  });

  test('the JSON Schema beside them says what the code checks', () => {
    const path = join(shipped, 'profile.schema.json');
    const title = { title: 'Ring0 Studio machine profile' };
    const schema = { ...z.toJSONSchema(ProfileFileSchema, { io: 'input' }), ...title };
    if (process.env.RING0_BLESS !== undefined) writeFileSync(path, `${JSON.stringify(schema, null, 2)}\n`);
    const committed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    expect(committed, 'stale: run RING0_BLESS=1 npx vitest run main/services/profiles').toEqual(schema);
  });
});

describe('profiles elsewhere', () => {
  test('extend their neighbours, then the shipped ones', async () => {
    writeFileSync(join(folder, 'mine.json'), '{"extends": "near", "cores": 3}');
    writeFileSync(join(folder, 'near.json'), '{"extends": "microvm", "memoryMiB": 64}');
    const loaded = await new DirectoryProfiles(shipped).load(join(folder, 'mine.json'));
    expect(loaded).toMatchObject({ ok: true, value: { name: 'mine', cores: 3, memoryMiB: 64, machine: 'microvm' } });
  });

  test('name kernels of their own project, wherever links lead', async () => {
    const inner = join(folder, 'project', 'qemu-profiles');
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(folder, 'project', 'vmlinuz'), '');
    writeFileSync(join(folder, 'secret'), '');
    symlinkSync(join(folder, 'secret'), join(inner, 'link'));
    const kernelOf = async (kernel: string) => {
      writeFileSync(join(inner, 'linux.json'), JSON.stringify({ kernel }));
      const loaded = await new DirectoryProfiles(inner).load('linux');
      return loaded.ok ? loaded.value.kernel : loaded.error.why;
    };
    expect(await kernelOf('../vmlinuz')).toBe(join(realpathSync(folder), 'project', 'vmlinuz'));
    expect(await kernelOf('../../secret')).toContain('leads out of');
    expect(await kernelOf('link')).toContain('"link" leads out of');
    expect(await kernelOf('../qemu-profiles')).toContain('is not a file');
    expect(await kernelOf('none')).toContain('ENOENT');
  });

  test('what is missing, misnamed or huge is said', async () => {
    writeFileSync(join(folder, 'huge.json'), ' '.repeat(70_000));
    mkdirSync(join(folder, 'folder.json'));
    const profiles = new DirectoryProfiles(shipped);
    const errors = await Promise.all(
      ['nobody', join(folder, 'Bad Name.json'), join(folder, 'huge.json'), join(folder, 'folder.json')].map((name) =>
        profiles.load(name),
      ),
    );
    expect(errors.map((result) => (result.ok ? 'ok' : `${result.error.code} ${result.error.why}`))).toEqual([
      expect.stringContaining('no-such-profile'),
      expect.stringContaining("no-such-profile a profile's name must be 1 to 32"),
      expect.stringContaining('70000 bytes'),
      expect.stringMatching(/^bad-profile .*folder\.json is not a file$/),
    ]);
  });
});

describe('remove and rename', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ring0-profiles-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const tag = async (profiles: DirectoryProfiles, name: string) => {
    const source = await profiles.source(name);
    if (!source.ok) throw new Error(source.error.why);
    return source.value.etag;
  };
  const write = (name: string, text: string) => writeFileSync(join(folder, `${name}.json`), text);

  test('a profile goes when it is what was seen and nobody extends it', async () => {
    write('base', '{"cores": 2}');
    write('child', '{"extends": "base"}');
    write('broken', '{');
    const profiles = new DirectoryProfiles(folder);
    const base = await tag(profiles, 'base');
    expect(await profiles.remove('base', base)).toMatchObject({
      ok: false,
      error: { code: 'profile-in-use', why: 'child extends it' },
    });
    expect(await profiles.remove('child', 'another')).toMatchObject({
      ok: false,
      error: { code: 'changed-meanwhile' },
    });
    expect(await profiles.remove('child', await tag(profiles, 'child'))).toMatchObject({ ok: true });
    expect(await profiles.remove('base', base)).toMatchObject({ ok: true });
    expect((await profiles.list()).map(({ name }) => name)).toEqual(['broken']);
  });

  test('who extends a renamed profile follows it', async () => {
    write('base', '{"cores": 2}');
    write('child', '{"extends": "base", "memoryMiB": 64}');
    const profiles = new DirectoryProfiles(folder);
    const etag = await tag(profiles, 'base');
    expect(await profiles.rename('base', 'child', etag)).toMatchObject({
      ok: false,
      error: { code: 'changed-meanwhile' },
    });
    expect(await profiles.rename('base', 'root', etag)).toMatchObject({ ok: true, value: { name: 'root' } });
    expect(await profiles.load('child')).toMatchObject({ ok: true, value: { cores: 2, memoryMiB: 64 } });
    expect((await profiles.list()).map(({ name }) => name)).toEqual(['child', 'root']);
  });
});
