import { writeFileSync } from 'node:fs';
import * as FatFs from 'js-fatfs';

/** A disk image with one FAT32 file system and no partition table, which UEFI accepts (UEFI 2.10 §13.3.1.1). */

const SECTOR = 512;
/** FAT32 needs at least 65,525 clusters; with clusters of one sector that is 32 MiB and the tables. */
const MIN_BYTES = 48 << 20;

export interface DiskFile {
  /** Such as `EFI/BOOT/BOOTX64.EFI`; its folders are made. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** The files of a disk that starts `kernel`: the kernel is itself a UEFI program and reads its command line beside it, one line. */
export function uefiFiles(kernel: Uint8Array, commandLine: string): DiskFile[] {
  return [
    { path: 'EFI/BOOT/BOOTX64.EFI', content: kernel },
    { path: 'EFI/BOOT/cmdline.txt', content: Buffer.from(`${commandLine}\n`, 'ascii') },
  ];
}

/** Writes a disk image with these files. Throws where FatFs fails, which only a full memory makes it do. */
export async function writeFatDisk(imagePath: string, files: readonly DiskFile[]): Promise<void> {
  const bytes = files.reduce((sum, file) => sum + file.content.length, 0);
  const sectors = Math.ceil((MIN_BYTES + bytes) / SECTOR);
  const image = new Uint8Array(sectors * SECTOR);
  const fat = await FatFs.create({ diskio: new ImageDisk(image) });
  const work = fat.malloc(FatFs.FF_MAX_SS);
  const format = { fmt: FatFs.FM_FAT32 | FatFs.FM_SFD, n_fat: 1, align: 0, n_root: 0, au_size: SECTOR };
  check('f_mkfs', fat.f_mkfs('', format, work, FatFs.FF_MAX_SS));
  fat.free(work);
  const volume = fat.malloc(FatFs.sizeof_FATFS);
  check('f_mount', fat.f_mount(volume, '', 1));
  for (const file of files) writeFatFile(fat, file);
  check('f_unmount', fat.f_unmount(''));
  fat.free(volume);
  writeFileSync(imagePath, image, { mode: 0o600 });
}

function writeFatFile(fat: FatFs.FatFs, { path, content }: DiskFile): void {
  const parts = path.split('/');
  for (let n = 1; n < parts.length; n++) {
    const made = fat.f_mkdir(parts.slice(0, n).join('/'));
    if (made !== FatFs.FR_EXIST) check('f_mkdir', made);
  }
  const file = fat.malloc(FatFs.sizeof_FIL);
  const buffer = fat.malloc(content.length + 4);
  fat.HEAPU8.set(content, buffer + 4);
  check('f_open', fat.f_open(file, path, FatFs.FA_WRITE | FatFs.FA_CREATE_ALWAYS));
  check('f_write', fat.f_write(file, buffer + 4, content.length, buffer));
  const written = new DataView(fat.HEAPU8.buffer).getUint32(buffer, true);
  if (written !== content.length) throw new Error(`FatFs: ${path}: ${written} of ${content.length} bytes fit`);
  check('f_close', fat.f_close(file));
  fat.free(buffer);
  fat.free(file);
}

function check(call: string, result: number): void {
  if (result !== FatFs.FR_OK) throw new Error(`FatFs: ${call} gave ${result}`);
}

/** A disk in memory (elm-chan.org/fsw/ff, "Media Access Interface"). */
class ImageDisk implements FatFs.DiskIO {
  readonly #image: Uint8Array;

  constructor(image: Uint8Array) {
    this.#image = image;
  }

  initialize(): number {
    return 0;
  }

  status(): number {
    return 0;
  }

  read(fat: FatFs.FatFs, _drive: number, buffer: number, sector: number, count: number): number {
    fat.HEAPU8.set(this.#image.subarray(sector * SECTOR, (sector + count) * SECTOR), buffer);
    return FatFs.RES_OK;
  }

  write(fat: FatFs.FatFs, _drive: number, buffer: number, sector: number, count: number): number {
    this.#image.set(fat.HEAPU8.subarray(buffer, buffer + count * SECTOR), sector * SECTOR);
    return FatFs.RES_OK;
  }

  ioctl(fat: FatFs.FatFs, _drive: number, command: number, buffer: number): number {
    switch (command) {
      case FatFs.CTRL_SYNC:
        return FatFs.RES_OK;
      case FatFs.GET_SECTOR_COUNT:
        fat.setValue(buffer, this.#image.length / SECTOR, 'i32');
        return FatFs.RES_OK;
      case FatFs.GET_SECTOR_SIZE:
        fat.setValue(buffer, SECTOR, 'i16');
        return FatFs.RES_OK;
      case FatFs.GET_BLOCK_SIZE:
        fat.setValue(buffer, 1, 'i32');
        return FatFs.RES_OK;
      default:
        return FatFs.RES_PARERR;
    }
  }
}
