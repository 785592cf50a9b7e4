import { OutOfBounds } from '../../base/bytes.ts';
import { type FormContext, readForm } from './forms.ts';
import { DwarfReader, type DwarfSections, Unsupported } from './reader.ts';

/** DWARF 5, §7.5.4: the two attributes of a unit that its line table does not repeat before version 5. */
const AT = { stmtList: 0x10, compDir: 0x1b } as const;
/** Unit types of version 5 whose headers are longer (§7.5.1). */
const UNIT = { type: 0x02, skeleton: 0x04, splitCompile: 0x05, splitType: 0x06 } as const;
const MAX_UNITS = 100_000;
const MAX_ATTRIBUTES = 1000;
/** The root's abbreviation is the first or close to it. */
const MAX_ABBREVIATIONS = 256;

/**
 * The folder that each unit was compiled in, by the offset of its line table: up to version 4 paths in line tables are relative to it
 * and only `.debug_info` names it. A unit that cannot be read ends the walk: what was found until then is right.
 */
export function compileFolders(sections: DwarfSections): ReadonlyMap<number, string> {
  const folders = new Map<number, string>();
  const reader = new DwarfReader(sections.info);
  try {
    for (let n = 0; n < MAX_UNITS && reader.remaining > 4; n++) {
      const { bytes, offsetSize } = reader.unitLength();
      const end = reader.offset + bytes;
      const root = readRoot(reader, offsetSize, sections);
      if (root.stmtList !== null && root.compDir !== null) folders.set(root.stmtList, root.compDir);
      reader.offset = end;
    }
  } catch (error) {
    if (!(error instanceof OutOfBounds) && !(error instanceof Unsupported)) throw error;
  }
  return folders;
}

/** The two attributes at the root of the unit whose header begins here. */
function readRoot(reader: DwarfReader, offsetSize: 4 | 8, sections: DwarfSections) {
  const root: { stmtList: number | null; compDir: string | null } = { stmtList: null, compDir: null };
  const version = reader.u16();
  if (version < 2 || version > 5) return root;
  const type = version === 5 ? reader.u8() : 0;
  let addressSize = version === 5 ? reader.u8() : 0;
  const abbreviations = reader.sectionOffset(offsetSize);
  if (version < 5) addressSize = reader.u8();
  if (type === UNIT.skeleton || type === UNIT.splitCompile) reader.skip(8);
  if (type === UNIT.type || type === UNIT.splitType) reader.skip(8 + offsetSize);
  const context: FormContext = { offsetSize, addressSize, sections };
  for (const { name, form } of attributes(sections.abbreviations, abbreviations, reader.uleb())) {
    const value = readForm(reader, form, context);
    if (name === AT.stmtList && typeof value === 'number') root.stmtList = value;
    if (name === AT.compDir && typeof value === 'string') root.compDir = value;
  }
  return root;
}

/** The attributes of an abbreviation (§7.5.3); none if it is not there. */
function attributes(section: Uint8Array, offset: number, wanted: number): { name: number; form: number }[] {
  const reader = new DwarfReader(section, offset);
  for (let n = 0; n < MAX_ABBREVIATIONS && reader.remaining > 0; n++) {
    const code = reader.uleb();
    if (code === 0) break;
    reader.uleb();
    reader.u8();
    const list: { name: number; form: number }[] = [];
    for (;;) {
      const [name, form] = [reader.uleb(), reader.uleb()];
      if (form === 0x21) reader.sleb();
      if (name === 0 && form === 0) break;
      if (list.push({ name, form }) > MAX_ATTRIBUTES) throw new Unsupported(reader.offset, 'too many attributes');
    }
    if (code === wanted) return list;
  }
  return [];
}
