import { expect, test } from 'vitest';
import { packageNameOf, parseCargoLine } from './cargo-json.ts';

/** As cargo 1.95 printed it for a crate with an unused variable, shortened. */
const SPAN = {
  byte_end: 19,
  byte_start: 18,
  column_end: 20,
  column_start: 19,
  expansion: null,
  file_name: 'src/main.rs',
  is_primary: true,
  label: null,
  line_end: 1,
  line_start: 1,
  suggested_replacement: null,
  suggestion_applicability: null,
  text: [],
};
const WARNING = {
  reason: 'compiler-message',
  package_id: 'path+file:///tmp/x#sample@0.1.0',
  message: {
    rendered: 'warning: unused variable: `x`\n',
    $message_type: 'diagnostic',
    level: 'warning',
    message: 'unused variable: `x`',
    code: { code: 'unused_variables', explanation: null },
    spans: [SPAN],
    children: [
      {
        message: '`#[warn(unused_variables)]` on by default',
        level: 'note',
        spans: [],
        children: [],
        code: null,
        rendered: null,
      },
      {
        message: 'if this is intentional, prefix it with an underscore',
        level: 'help',
        spans: [{ ...SPAN, suggested_replacement: '_x', suggestion_applicability: 'MaybeIncorrect' }],
        children: [],
        code: null,
        rendered: null,
      },
    ],
  },
};

test('a compiler message becomes a diagnostic with places, notes and suggestions', () => {
  const span = { file: 'src/main.rs', line: 1, column: 19, endLine: 1, endColumn: 20, primary: true, label: null };
  expect(parseCargoLine(JSON.stringify(WARNING))).toEqual({
    kind: 'diagnostic',
    diagnostic: {
      severity: 'warning',
      message: 'unused variable: `x`',
      code: 'unused_variables',
      packageName: 'sample',
      spans: [span],
      notes: ['note: `#[warn(unused_variables)]` on by default'],
      suggestions: [
        {
          message: 'if this is intentional, prefix it with an underscore',
          span,
          replacement: '_x',
          machineApplicable: false,
        },
      ],
      rendered: 'warning: unused variable: `x`\n',
    },
  });
});

test('other lines', () => {
  const artifact = {
    reason: 'compiler-artifact',
    package_id: 'path+file:///k/ring0#0.1.0',
    target: { name: 'ring0', kind: ['bin'] },
    executable: '/t/ring0',
    fresh: true,
  };
  const failureNote = { ...WARNING, message: { ...WARNING.message, level: 'failure-note' } };
  const lines = [
    JSON.stringify(artifact),
    '{"reason":"build-finished","success":false}',
    '{"reason":"build-script-executed"}',
    JSON.stringify(failureNote),
    'plain text',
    '{ not json',
  ];
  expect(lines.map(parseCargoLine)).toEqual([
    { kind: 'artifact', packageName: 'ring0', fresh: true, executable: '/t/ring0', targetName: 'ring0' },
    { kind: 'finished', success: false },
    { kind: 'other' },
    { kind: 'other' },
    { kind: 'text', line: 'plain text' },
    { kind: 'text', line: '{ not json' },
  ]);
});

test('package names of all forms of ids', () => {
  expect(
    ['path+file:///x/abi#ring0-abi@0.1.0', 'path+file:///x/abi#0.1.0', 'zod 1.0.0 (path)'].map(packageNameOf),
  ).toEqual(['ring0-abi', 'abi', 'zod']);
});
