import { expect, it } from 'vitest';
import { parseLayout } from './gdb-registers.ts';

it('registers in comments, as QEMU 7.2 has three in its description, take no place', () => {
  const xml = `<feature name="org.gnu.gdb.i386.core"><reg name="gs" bitsize="32" type="int32"/>
  <!-- Segment descriptor bases
  <reg name="cs_base" bitsize="64" type="int64"/>
  <reg name="es_base" bitsize="64" type="int64"/-->
  <reg name="fs_base" bitsize="64" type="int64"/><!-- --><reg name="gs_base" bitsize="64" type="int64"/></feature>`;
  const names = (text: string) => parseLayout([text]).map(({ name, offset }) => [name, offset]);
  expect(names(xml)).toEqual([
    ['gs', 0],
    ['fs_base', 4],
    ['gs_base', 12],
  ]);
  // A comment that nobody ends hides the rest.
  expect(names(`${xml.slice(0, xml.indexOf('/-->'))}/>${xml}`.replaceAll('-->', ''))).toEqual([['gs', 0]]);
});
