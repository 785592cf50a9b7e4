import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fail, messageOf, ok, type Result, systemCodeOf } from '../../../app/base/result.ts';
import type { GrowingFile } from '../../../app/contract/workspace.ts';
import { cannotReach } from './paths.ts';

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @param absolute checked; @param path as the contract has it, for what is said */
export async function openGrowing(absolute: string, path: string): Promise<Result<GrowingFile>> {
  try {
    await mkdir(dirname(absolute), { recursive: true });
    const file = await open(absolute, FLAGS, 0o666);
    // A pipe or a device takes what it wants, when it wants.
    if (!(await file.stat()).isFile()) {
      await file.close();
      return fail('not-a-file', `${path} is not a file.`, 'only files can be written to', 'Choose another name.');
    }
    return ok({
      path,
      append: async (bytes) => {
        try {
          // `appendFile` writes until all of it is there.
          await file.appendFile(bytes);
          return ok();
        } catch (error) {
          return notWritten(path, error);
        }
      },
      close: () => file.close().catch(() => {}),
    });
  } catch (error) {
    return cannotReach(path, error);
  }
}

function notWritten(path: string, error: unknown) {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCodeOf(error) ?? '');
  return fail(
    full ? 'disk-full' : 'cannot-write-file',
    full ? `The disk is full: ${path} has stopped growing.` : `${path} cannot be written to any more.`,
    messageOf(error),
    full ? 'Make room and start again; what was written stays.' : 'Choose another file.',
  );
}
