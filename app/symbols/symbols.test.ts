import { describe, expect, test } from 'vitest';
import type { CodeSymbol } from '../contract/language.ts';
import { chainAt, scanSymbols } from './index.ts';

/** An outline as it is drawn: two blanks a level, the kind, the name, and the lines. */
function outline(symbols: readonly CodeSymbol[]): string[] {
  return symbols.map(
    ({ depth, kind, name, line, endLine }) =>
      `${'  '.repeat(depth)}${kind} ${name} ${line}${endLine === line ? '' : `-${endLine}`}`,
  );
}

const RUST = `//! fn not_this() {}
use core::fmt;
/* struct Nor { this: u8 } /* nested */ fn */
pub(crate) struct Engine<'a> {
    name: &'a str,
}
pub struct Unit;
pub enum Isa { Scalar, Avx2 }
impl<'a> fmt::Display
    for Engine<'a>
where
    Self: Sized,
{
    fn fmt(&self) -> fmt::Result {
        let brace = '{'; let text = "} fn inner() {"; let raw = r#"}"{"#;
        fn local() {}
    }
}
pub unsafe extern "C" fn entry(
    first: u64,
    second: [u8; 4],
) -> ! {
    loop {}
}
const _: () = assert!(true);
pub const COUNT: usize = 4;
static mut TABLE: [u64; 2] = [0; 2];
pub trait Device { const ID: u32; fn read(&self) -> u8; }
mod tests {
    #[test] async fn works() {}
}
mod other;
macro_rules! say { ($x:expr) => { $x } }
type Alias = u8;
`;

describe('the scan for Rust', () => {
  const symbols = scanSymbols(RUST, 'rust');
  test('finds items with where they end, and nothing in comments and literals', () => {
    expect(outline(symbols)).toEqual([
      'struct Engine 4-6',
      'struct Unit 7',
      'enum Isa 8',
      "impl impl<'a> fmt::Display for Engine<'a> 9-18",
      '  method fmt 14-17',
      '    function local 16',
      'function entry 19-24',
      'constant COUNT 26',
      'static TABLE 27',
      'trait Device 28',
      'module tests 29-31',
      '  function works 30',
      'module other 32',
      'macro say 33',
      'type Alias 34',
    ]);
  });
  test('names stand where a click goes', () => {
    const entry = symbols.find(({ name }) => name === 'entry');
    expect(entry).toMatchObject({ nameLine: 19, nameColumn: 26 });
  });
  test('says what a line lies in', () => {
    expect(chainAt(symbols, 16).map(({ name }) => name)).toEqual([
      "impl<'a> fmt::Display for Engine<'a>",
      'fmt',
      'local',
    ]);
    expect(chainAt(symbols, 17).map(({ name }) => name)).toEqual(["impl<'a> fmt::Display for Engine<'a>", 'fmt']);
    expect(chainAt(symbols, 25)).toEqual([]);
  });
  test('endures what is no Rust', () => {
    for (const text of ['}}}}', 'fn', '"', '/*', "'", 'r#"', 'fn a( {', 'impl'.repeat(1000), '{'.repeat(9999)])
      expect(() => scanSymbols(text, 'rust')).not.toThrow();
  });
});

test('the scan for assembly: sections with their labels, macros, constants; both spellings', () => {
  const gnu = `.set STACK, 0x1000
/* start:
   old: */
.section .boot, "ax"
.globl start, halt
.macro save reg
  push \\reg
.endm
start: movq %rax, %cr3
.Linternal:
1: jmp 1b
halt:
  hlt
.text
late: ret
`;
  const symbols = scanSymbols(gnu, 'x86asm');
  expect(outline(symbols)).toEqual([
    'constant STACK 1-3',
    'section .boot 4-13',
    '  macro save 6-8',
    '  label start 9-11',
    '  label halt 12-13',
    'section .text 14-16',
    '  label late 15-16',
  ]);
  expect(symbols.find(({ name }) => name === 'start')?.detail).toBe('global');
  expect(symbols.find(({ name }) => name === 'late')?.detail).toBe('');
  const nasm = 'section .text\nglobal main\nmain:\n.loop:\n  jmp .loop\n';
  expect(outline(scanSymbols(nasm, 'x86asm'))).toEqual([
    'section .text 1-6',
    '  label main 3-6',
    '    label .loop 4-6',
  ]);
});

test('the scan for linker scripts: sections and the symbols in them', () => {
  const script = `ENTRY(start)
MEMORY { ram : ORIGIN = 1M, LENGTH = 4M }
PHDRS
{
  text PT_LOAD FLAGS(5);
}
/* .fake : { */
base = 0x200000;
SECTIONS
{
  . = base;
  .text ALIGN(4K) : AT(ADDR(.text) - base)
  {
    __text_start = .;
    *(.text .text.*)
    PROVIDE(__text_end = .);
  } :text
  .bss (NOLOAD) : { *(.bss) __bss_end = .; }
  /DISCARD/ : { *(.comment) }
}
`;
  expect(outline(scanSymbols(script, 'linkerscript'))).toEqual([
    'module MEMORY 2',
    'module PHDRS 3-6',
    '  variable text 5',
    'variable base 8',
    'module SECTIONS 9-20',
    '  section .text 12-17',
    '    variable __text_start 14',
    '    variable __text_end 16',
    '  section .bss 18',
    '    variable __bss_end 18',
    '  section /DISCARD/ 19',
  ]);
});
