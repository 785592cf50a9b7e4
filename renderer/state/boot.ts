import { type AppError, messageOf } from '../../app/base/result.ts';
import type { BootReport } from '../../app/contract/index.ts';
import { studio } from '../host/client.ts';
import { type BootView, bootView } from './boot-view.ts';

export type BootReading =
  | { readonly kind: 'reading' }
  | { readonly kind: 'read'; readonly report: BootReport; readonly view: BootView }
  | { readonly kind: 'failed'; readonly error: AppError };

/** Reads a machine's boot report; the guest is not stopped. */
export async function readBoot(id: string): Promise<BootReading> {
  try {
    const report = await studio.inspect.boot({ id });
    return report.ok
      ? { kind: 'read', report: report.value, view: bootView(report.value) }
      : { kind: 'failed', error: report.error };
  } catch (thrown) {
    const error = { code: 'boot-unread', what: 'The boot report was not read.', why: messageOf(thrown), fix: '' };
    return { kind: 'failed', error };
  }
}
