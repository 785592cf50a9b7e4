import { expect, test } from 'vitest';
import { PROFILE_FIELDS } from '../../../app/machine/profile-draft.ts';
import { FIELD_GROUPS, fieldInfo } from './fields.ts';
import { numberOrText, shownValue } from './values.ts';

test('the form has every field of the schema once, each with its description', () => {
  const fields = FIELD_GROUPS.flatMap((group) => group.fields);
  expect([...fields].sort()).toEqual([...PROFILE_FIELDS].sort());
  for (const field of fields) expect(fieldInfo(field).description, field).not.toBe('');
  expect(fields.map((field) => fieldInfo(field).kind)).toEqual([
    ...['text', 'choice', 'choice', 'text', 'number', 'number', 'choice'],
    ...['choice', 'text', 'path', 'path'],
    ...['choice', 'choice', 'forwards', 'choice', 'words'],
  ]);
  expect(fieldInfo('cores')).toMatchObject({ minimum: 1, maximum: 64 });
});

test('values in a line, and numbers out of what is typed', () => {
  expect(shownValue([{ host: 0, guest: 8080 }])).toBe('any port to 8080');
  expect([shownValue(undefined), shownValue([]), shownValue(''), shownValue(4)]).toEqual([
    'inherited',
    'none',
    'empty',
    '4',
  ]);
  expect([numberOrText('12'), numberOrText('1x'), numberOrText('')]).toEqual([12, '1x', '']);
});
