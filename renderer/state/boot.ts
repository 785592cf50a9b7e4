import { type AppError, messageOf } from '../../app/base/result.ts';
import type { BootReport } from '../../app/contract/index.ts';
import { studio } from '../host/client.ts';
import { type BootView, bootView, startView } from './boot-view.ts';

export type BootReading =
  | { readonly kind: 'reading' }
  | {
      readonly kind: 'read';
      readonly report: BootReport;
      readonly kernel: BootView;
      /** Null where the kernel has no place on the host's axis; then `problems` say why. */
      readonly start: BootView | null;
      readonly problems: readonly string[];
    }
  | { readonly kind: 'failed'; readonly error: AppError };

/** Reads a machine's boot report; the guest is not stopped. */
export async function readBoot(id: string): Promise<BootReading> {
  try {
    const [report, timeline] = await Promise.all([studio.inspect.boot({ id }), studio.inspect.timeline({ id })]);
    if (!report.ok) return { kind: 'failed', error: report.error };
    return {
      kind: 'read',
      report: report.value,
      kernel: bootView(report.value),
      start: timeline.ok ? startView(timeline.value) : null,
      problems: timeline.ok ? timeline.value.problems : [timeline.error.why],
    };
  } catch (thrown) {
    const error = { code: 'boot-unread', what: 'The boot report was not read.', why: messageOf(thrown), fix: '' };
    return { kind: 'failed', error };
  }
}
