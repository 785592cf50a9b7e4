import { expect, test } from 'vitest';
import type { ProfileFile } from '../contract/profile.ts';
import { differingFields, inherited, judgeDraft, possibleBases } from './profile-draft.ts';

const files = new Map<string, ProfileFile>([
  ['direct', { cores: 2, append: 'serve=8080' }],
  ['smp4', { extends: 'direct', cores: 4 }],
  ['round', { extends: 'trip' }],
  ['trip', { extends: 'round' }],
]);

test('a field that is left out comes from the nearest profile that says it', () => {
  const draft = { extends: 'smp4' };
  expect(inherited(draft, 'cores', files)).toEqual({ value: 4, from: 'smp4' });
  expect(inherited(draft, 'append', files)).toEqual({ value: 'serve=8080', from: 'direct' });
  expect(inherited(draft, 'machine', files)).toEqual({ value: 'q35', from: null });
  expect(inherited({ extends: 'nobody' }, 'cores', files)).toEqual({ value: 1, from: null });
});

test('a profile extends nobody who extends it', () => {
  expect(possibleBases('direct', files)).toEqual([]);
  expect(possibleBases('smp4', files)).toEqual(['direct']);
  expect(possibleBases('new', files)).toEqual(['direct', 'smp4']);
});

test('a right draft has a profile and a file', () => {
  expect(judgeDraft('mine', { extends: 'smp4', memoryMiB: 256 }, files)).toMatchObject({
    issues: [],
    profile: { name: 'mine', cores: 4, memoryMiB: 256, append: 'serve=8080' },
    file: { extends: 'smp4', memoryMiB: 256 },
  });
});

test('all that is wrong is said, with its field', () => {
  const draft = {
    extends: 'nobody',
    cores: 'four',
    forwards: [{ host: 80, guest: 0 }],
    extraArgs: ['-hda', 'x'],
    surprise: 1,
  };
  const { issues, profile, file } = judgeDraft('mine', draft, files);
  expect([profile, file]).toEqual([null, null]);
  expect(issues.map(({ field }) => field)).toEqual(['cores', 'forwards[0].guest', '', 'extends']);
  const rules = judgeDraft('mine', { machine: 'microvm', firmware: 'ovmf', extraArgs: ['-hda', 'x'] }, files);
  expect(rules.issues.map(({ field }) => field)).toEqual(['firmware', 'extraArgs[0]']);
  expect(judgeDraft('direct', { extends: 'smp4' }, files).issues).toEqual([
    { field: 'extends', rule: 'smp4 extends this profile' },
  ]);
});

test('what differs between two versions', () => {
  expect(differingFields({ $schema: 'a', cores: 1, append: 'x' }, { cores: 2, append: 'x', cpu: 'max' })).toEqual([
    'cores',
    'cpu',
  ]);
});
