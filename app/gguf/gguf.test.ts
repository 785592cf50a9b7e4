import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { modelFacts } from './facts.ts';
import { readGgufHeader } from './header.ts';
import { type Entry, gguf, type Tensor } from './sample.ts';

const METADATA: Entry[] = [
  ['general.architecture', 8, 'llama'],
  ['general.name', 8, 'Größe'],
  ['llama.context_length', 4, 512],
  ['tokenizer.ggml.model', 8, 'llama'],
  ['tokenizer.ggml.tokens', 9, ['<s>', 'a', 'b']],
  ['tokenizer.chat_template', 8, '{{ x }}'],
];
const TENSORS: Tensor[] = [
  { name: 'token_embd.weight', dimensions: [32n, 4n], type: 8, offset: 0n },
  { name: 'output_norm.weight', dimensions: [32n], type: 0, offset: 160n },
];
/** 4 rows of 34 bytes, padding, 32 floats. */
const DATA = 160 + 128;

describe('a model', () => {
  const file = gguf({ metadata: METADATA, tensors: TENSORS, dataBytes: DATA });

  test('is described by its header', () => {
    const outcome = readGgufHeader(file, file.length);
    if (outcome.kind !== 'header') throw new Error(JSON.stringify(outcome));
    expect(outcome.header.tensors.map(({ name, type, bytes, elements }) => ({ name, type, bytes, elements }))).toEqual([
      { name: 'token_embd.weight', type: 'Q8_0', bytes: 136, elements: 128 },
      { name: 'output_norm.weight', type: 'F32', bytes: 128, elements: 32 },
    ]);
    expect(outcome.header.metadata.get('tokenizer.ggml.tokens')).toEqual({ arrayLength: 3 });
    expect(modelFacts(outcome.header)).toEqual({
      title: 'Größe',
      architecture: 'llama',
      parameters: 160,
      quantisation: 'Q8_0',
      contextLength: 512,
      tensors: 2,
      chatTemplate: true,
      unsupported: '',
    });
  });

  test('needs no more of the file than its header, and says so while that is missing', () => {
    const header = file.length - DATA;
    for (let size = 0; size < header - 32; size++)
      expect(readGgufHeader(file.subarray(0, size), file.length)).toEqual({ kind: 'more' });
    expect(readGgufHeader(file.subarray(0, header), file.length).kind).toBe('header');
  });

  test('cut off anywhere is refused, changed anywhere does not throw', () => {
    for (let size = 0; size < file.length; size++)
      expect(readGgufHeader(file.subarray(0, size), size).kind).toBe('bad');
    for (let at = 0; at < file.length - DATA; at++) {
      for (const byte of [0, 0x7f, 0xff]) {
        const broken = file.slice();
        broken[at] = byte;
        expect(() => readGgufHeader(broken, broken.length)).not.toThrow();
      }
    }
  });
});

describe('what nobody should load', () => {
  const one = (tensor: Partial<Tensor>) =>
    gguf({
      metadata: METADATA,
      tensors: [{ name: 'a', dimensions: [32n], type: 0, offset: 0n, ...tensor }],
      dataBytes: 128,
    });
  const key = (...entry: Entry) => gguf({ metadata: [entry], tensors: [], dataBytes: 0 });
  test.each([
    ['wrong magic', Buffer.from('GGML\x03\0\0\0aaaaaaaaaaaaaaaaaaa'), 'does not begin with GGUF'],
    ['version 1', gguf({ metadata: [], tensors: [], dataBytes: 0, version: 1 }), 'version 1'],
    [
      'too many tensors',
      gguf({ metadata: [], tensors: [], dataBytes: 0, tensorCount: 2n ** 64n - 1n }),
      'tensors; at most',
    ],
    ['too many keys', gguf({ metadata: [], tensors: [], dataBytes: 0, keyCount: 2n ** 63n }), 'keys; at most'],
    ['empty key', key('', 4, 1), 'a key is empty'],
    [
      'twice the same key',
      gguf({
        metadata: [
          ['a', 4, 1],
          ['a', 4, 2],
        ],
        tensors: [],
        dataBytes: 0,
      }),
      'comes twice',
    ],
    ['value of type 13', key('a', 13, 0), 'value type 13'],
    ['boolean 2', key('a', 7, 2), 'a boolean is 2'],
    ['alignment 13', key('general.alignment', 4, 13), 'general.alignment is 13'],
    ['no dimensions', one({ dimensions: [] }), '0 dimensions'],
    ['a dimension of zero', one({ dimensions: [0n] }), 'has 0 elements'],
    ['a product that wraps', one({ dimensions: [2n ** 32n, 2n ** 32n] }), 'elements'],
    ['rows that are no whole blocks', one({ dimensions: [33n], type: 8 }), 'do not divide'],
    ['past the end', one({ dimensions: [64n] }), 'the file at'],
    ['far past the end', one({ offset: 2n ** 63n }), 'behind the end'],
    ['not aligned', one({ offset: 4n, dimensions: [1n] }), 'not a multiple'],
    ['a long name', one({ name: 'x'.repeat(65) }), 'at most 64'],
  ])('%s', (_name, file, rule) => {
    expect(readGgufHeader(file, file.length)).toMatchObject({
      kind: 'bad',
      rule: expect.stringContaining(rule) as string,
    });
  });
});

test('what the kernel cannot run is said', () => {
  const file = gguf({
    metadata: [['general.architecture', 8, 'qwen2']],
    tensors: [{ name: 'a', dimensions: [256n], type: 12, offset: 0n }],
    dataBytes: 144,
  });
  const outcome = readGgufHeader(file, file.length);
  expect(
    outcome.kind === 'header' &&
      modelFacts(outcome.header)
        .unsupported.split('; ')
        .map((part) => part.split(' ')[0]),
  ).toEqual(['architecture', 'the', 'weights', 'the', 'tokenizer', 'the']);
});

const stories = fileURLToPath(new URL('../../../shared/data/stories260K-q8_0.gguf', import.meta.url));
test.skipIf(!existsSync(stories))('a real model (skipped where ../shared/data is absent)', () => {
  const file = new Uint8Array(readFileSync(stories));
  const outcome = readGgufHeader(file, file.length);
  expect(outcome.kind === 'header' && modelFacts(outcome.header)).toMatchObject({
    architecture: 'llama',
    quantisation: 'Q8_0',
    unsupported: '',
  });
});
