import { type FormContext, readForm } from './forms.ts';
import { type DwarfReader, type DwarfSections, Unsupported } from './reader.ts';

/** Content types of the entry formats of version 5 (DWARF 5, §6.2.4.1). */
const LNCT = { path: 1, directoryIndex: 2 } as const;
const MAX_ENTRIES = 200_000;
const MAX_FORMATS = 32;

/** The head of one unit's line number program (§6.2.4), as far as running it needs. */
export interface LineHeader {
  readonly version: number;
  readonly minimumInstructionBytes: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many LEB128 arguments each standard opcode takes, from opcode 1 on. */
  readonly argumentCounts: readonly number[];
  /** Paths by the program's numbers, folders put in front; grows with `DW_LNE_define_file`. */
  readonly files: string[];
  /** The folder that relative paths begin in. */
  readonly folders: readonly string[];
  /** Where the program begins. */
  readonly programAt: number;
}

/** Reads the head behind the unit's length. `compileFolder` is what version 5 says itself and older ones leave to `.debug_info`. */
export function readLineHeader(
  reader: DwarfReader,
  offsetSize: 4 | 8,
  sections: DwarfSections,
  compileFolder: string,
): LineHeader {
  const at = reader.offset;
  const version = reader.u16();
  if (version < 2 || version > 5) throw new Unsupported(at, `line table version ${version} is not known`);
  const addressSize = version >= 5 ? reader.u8() : 8;
  if (version >= 5) reader.u8();
  const headerBytes = reader.sectionOffset(offsetSize);
  const programAt = reader.offset + headerBytes;
  const minimumInstructionBytes = reader.u8();
  // Operations of one instruction word: only VLIW machines have several. Then: whether rows begin as statements.
  if (version >= 4) reader.u8();
  reader.u8();
  const lineBase = (reader.u8() << 24) >> 24;
  const lineRange = reader.u8();
  if (lineRange === 0) throw new Unsupported(at, 'the line range is zero');
  const opcodeBase = reader.u8();
  const argumentCounts: number[] = [];
  for (let n = 1; n < opcodeBase; n++) argumentCounts.push(reader.u8());
  const context: FormContext = { offsetSize, addressSize, sections };
  const { folders, files } =
    version >= 5 ? readEntries5(reader, context, compileFolder) : readEntries4(reader, compileFolder);
  return {
    version,
    minimumInstructionBytes,
    lineBase,
    lineRange,
    opcodeBase,
    argumentCounts,
    files,
    folders,
    programAt,
  };
}

/** Up to version 4: folders count from 1, 0 is where the compiler ran; files count from 1. */
function readEntries4(reader: DwarfReader, compileFolder: string) {
  const folders = [compileFolder];
  for (let path = reader.text(); path !== ''; path = reader.text()) {
    if (folders.push(joinPath(compileFolder, path)) > MAX_ENTRIES)
      throw new Unsupported(reader.offset, 'too many folders');
  }
  const files = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) {
    const folder = folders[reader.uleb()] ?? '';
    reader.uleb();
    reader.uleb();
    if (files.push(joinPath(folder, name)) > MAX_ENTRIES) throw new Unsupported(reader.offset, 'too many files');
  }
  return { folders, files };
}

/** Version 5: both count from 0, and folder 0 is where the compiler ran. */
function readEntries5(reader: DwarfReader, context: FormContext, compileFolder: string) {
  const folders: string[] = [];
  for (const { path } of readTable5(reader, context)) folders.push(joinPath(folders[0] ?? compileFolder, path));
  const files = readTable5(reader, context).map(({ path, folder }) => joinPath(folders[folder] ?? '', path));
  return { folders, files };
}

function readTable5(reader: DwarfReader, context: FormContext): { path: string; folder: number }[] {
  const formatCount = reader.u8();
  if (formatCount > MAX_FORMATS) throw new Unsupported(reader.offset, `${formatCount} fields for an entry`);
  const formats: { content: number; form: number }[] = [];
  for (let n = 0; n < formatCount; n++) formats.push({ content: reader.uleb(), form: reader.uleb() });
  const count = reader.uleb();
  if (count > MAX_ENTRIES) throw new Unsupported(reader.offset, `${count} entries`);
  const entries: { path: string; folder: number }[] = [];
  for (let n = 0; n < count; n++) {
    const entry = { path: '', folder: 0 };
    for (const { content, form } of formats) {
      const value = readForm(reader, form, context);
      if (content === LNCT.path && typeof value === 'string') entry.path = value;
      if (content === LNCT.directoryIndex && typeof value === 'number') entry.folder = value;
    }
    entries.push(entry);
  }
  return entries;
}

/** `name` in `folder`, without `.` and `..` between. Paths of Windows compilers are left as they are. */
export function joinPath(folder: string, name: string): string {
  const path = name.startsWith('/') || /^[A-Za-z]:/.test(name) || folder === '' ? name : `${folder}/${name}`;
  if (!/(?:^|\/)\.{0,2}(?:\/|$)/.test(path.slice(1))) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    const last = parts.at(-1);
    const atRoot = parts.length === 1 && last === '';
    if (part === '..' && atRoot) continue;
    if (part === '..' && last !== undefined && last !== '..') parts.pop();
    else if (part !== '.' && !(part === '' && parts.length > 0)) parts.push(part);
  }
  return parts.join('/');
}
