import { describe, expect, it } from 'vitest';
import { closest, parseArguments } from './arguments.ts';

const specs = {
  json: { kind: 'flag', help: '' },
  model: { kind: 'text', value: 'FILE', short: 'm', help: '' },
  port: { kind: 'number', value: 'N', minimum: 0, maximum: 65535, help: '' },
  heat: { kind: 'number', value: 'N', minimum: 0, maximum: 2, fraction: true, help: '' },
  memory: { kind: 'memory', value: 'SIZE', help: '' },
} as const;

/** The error's two lines, or what was parsed. */
function parse(...argv: string[]) {
  const result = parseArguments(specs, argv);
  return result.ok ? result.value : `${result.error.what} | ${result.error.fix}`;
}

describe('parseArguments', () => {
  it('reads every kind of value, in both spellings, and keeps positionals in order', () => {
    expect(
      parse('one', '--json', '-m', 'a.gguf', '--port=8080', '--heat', '0.5', '--memory', '2G', 'two', '--', '--json'),
    ).toEqual({
      values: { json: true, model: 'a.gguf', port: 8080, heat: 0.5, memory: 2048 },
      positionals: ['one', 'two', '--json'],
    });
    expect(parse()).toEqual({
      values: { json: false, model: undefined, port: undefined, heat: undefined, memory: undefined },
      positionals: [],
    });
  });

  it('takes for a value what looks like an option where there is none of that name, or where an = says so', () => {
    expect(parse('--model', '--other')).toMatchObject({ values: { model: '--other' } });
    expect(parse('--model=--json')).toMatchObject({ values: { model: '--json', json: false } });
  });

  it('keeps all of an option that is a list', () => {
    const list = { at: { kind: 'list', value: 'PLACE', help: '' } } as const;
    expect(parseArguments(list, ['--at', 'a', 'x', '--at=b'])).toEqual({
      ok: true,
      value: { values: { at: ['a', 'b'] }, positionals: ['x'] },
    });
    expect(parseArguments(list, [])).toMatchObject({ value: { values: { at: undefined } } });
    expect(parseArguments(list, ['--at'])).toMatchObject({ ok: false, error: { what: '--at needs a value' } });
  });

  it('keeps the last of an option given twice', () => {
    expect(parse('--port', '1', '--port', '2')).toMatchObject({ values: { port: 2 } });
  });

  it.each([
    [['--modle', 'x'], 'there is no option --modle | did you mean --model?'],
    [['--quux'], 'there is no option --quux | see --help for the options'],
    [['--constructor'], 'there is no option --constructor | see --help for the options'],
    [['--model'], '--model needs a value | write --model FILE'],
    [['--model', '--json'], '--model needs a value, and --json is an option | write --model FILE'],
    [['--json=yes'], '--json takes no value, got "yes" | write just --json'],
    [['--port', '65536'], '--port must be a whole number from 0 to 65535, got "65536" | write --port N'],
    [['--port', '1.5'], '--port must be a whole number from 0 to 65535, got "1.5" | write --port N'],
    [['--port', '0x10'], '--port must be a whole number from 0 to 65535, got "0x10" | write --port N'],
    [
      ['--memory', 'lots'],
      '--memory must be an amount of memory, got "lots" | write for example --memory 512M or --memory 2G',
    ],
  ])('refuses %j', (argv, message) => {
    expect(parse(...argv)).toBe(message);
  });
});

describe('closest', () => {
  it('finds slips of the finger and beginnings, and nothing far-fetched', () => {
    const names = ['doctor', 'build', 'run', 'chat', 'inspect', 'profiles'];
    expect(['doctro', 'biuld', 'insp', 'profile', 'xyzzy', 'q'].map((typed) => closest(typed, names))).toEqual([
      'doctor',
      'build',
      'inspect',
      'profiles',
      undefined,
      undefined,
    ]);
  });
});
