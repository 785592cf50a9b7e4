import type { SymbolValue, TypedValue } from '../../../app/contract/index.ts';
import { unwrap } from '../failure.ts';
import { type Paint, table } from '../terminal.ts';
import { defineSubject } from './subject.ts';

export const symbol = defineSubject({
  name: 'symbol',
  summary: "a static of the kernel by its name, field by field, through the image's debug information",
  operands: '[NAME[.field|[N]|[N..M]]…]',
  arity: [0, 1],
  description: `NAME is a path (ring0::records::RING0_BOOT_REPORT) or the end of one; with --type also an address or a register.
Behind it may stand parts of it: NAME.field, NAME[3], NAME[1000..1020] (element 1020 is not among them; NAME[..20] and NAME[1000..]
too). Pointers and slices on the way are followed. Without a range the first elements of an array are shown; --json has more of them.
Enums say which variant they are, texts what they say, atomics and cells what is in them. Without a name, the statics that have
types are listed.`,
  options: {
    type: { kind: 'text', value: 'PATH', help: 'lay another type over it, such as ring0_abi::boot::BootReport' },
    find: { kind: 'text', value: 'TEXT', help: 'list the statics and types with this in their paths' },
  },
  examples: [
    ['ring0 inspect symbol RING0_BOOT_REPORT', 'a record of the kernel, as its own type says'],
    ['ring0 inspect symbol clock::TSC_HZ --json | jq -r .value.text', 'one number'],
    ["ring0 inspect symbol 'RING0_TRACE_RING.spans[1000..1020]'", 'some elements of a long array'],
    ['ring0 inspect symbol --find descriptors', 'which statics and types there are'],
  ],
  async look({ host, terminal }, source, { type, find, processor = 0 }, [name]) {
    if (name === undefined || find !== undefined) {
      const found = unwrap(await host.inspect.typed(source, find ?? '', find === undefined ? 200 : 60));
      // The service finds as quick open does, which also takes letters with others between them.
      const shown =
        find === undefined
          ? found.filter(({ address }) => address !== null)
          : found.filter((it) => it.name.toLowerCase().includes(find.toLowerCase()));
      const rows = shown.map((it) => [it.name, it.address ?? 'type', String(it.bytes), it.type]);
      const text = () =>
        rows.length === 0
          ? `no static or type has "${find}" in its path`
          : table(['NAME', 'ADDRESS', 'BYTES', 'TYPE'], rows, [2], terminal.paint);
      return { value: shown, text };
    }
    const value = unwrap(await host.inspect.symbol(source, { name, type: type ?? null, processor }));
    return { value, text: () => symbolText(value, terminal.paint) };
  },
});

/** Elements of an array that are printed where no range says which; JSON has more. */
const MAX_ELEMENTS = 16;

function symbolText({ name, type, address, bytes, value, torn }: SymbolValue, paint: Paint): string {
  const head = `${paint('bold', name)}: ${type}  ${address}, ${bytes} bytes`;
  const note = torn ? [paint('yellow', 'the bytes changed while they were read')] : [];
  const range = /^(.*)\[\d+\.\.\d+\]$/.exec(name)?.[1];
  const path = range ?? name;
  const inside = lines(value, 1, path, range === undefined ? MAX_ELEMENTS : value.children.length);
  return [head, ...(inside.length === 0 ? [`  ${value.text}`] : inside), ...note].join('\n');
}

/** @param path how the value is asked for. @param most elements of it, if it is an array */
function lines(value: TypedValue, depth: number, path: string, most = MAX_ELEMENTS): string[] {
  const indent = '  '.repeat(depth);
  const isArray = value.kind === 'array';
  const shown = isArray ? value.children.slice(0, most) : value.children;
  const left = value.omitted + value.children.length - shown.length;
  const first = Number(shown[0]?.name ?? 0) + shown.length;
  const others = isArray && left > 0 ? `: ${path}[${first}..${first + Math.min(left, MAX_ELEMENTS)}]` : '';
  return [
    ...shown.flatMap((child) => {
      const text = child.text === '' ? '' : ` = ${child.text}`;
      const inner = isArray ? `${path}[${child.name}]` : `${path}.${child.name}`;
      return [
        `${indent}${child.name}: ${child.type}${text}`,
        ...(isPlain(child) ? [] : lines(child, depth + 1, inner)),
      ];
    }),
    ...(left > 0 ? [`${indent}… ${left} more${others}`] : []),
  ];
}

/** Whether one line says it all. */
function isPlain(value: TypedValue): boolean {
  const flat = value.kind === 'array' && value.omitted === 0 && value.children.length <= 8 && value.text !== '';
  return value.children.length === 0 || flat;
}
