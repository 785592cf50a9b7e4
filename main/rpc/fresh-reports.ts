import { changesBetween } from '../../app/base/change.ts';
import type { VirtioReport, VirtioStreamEvent } from '../../app/contract/index.ts';

/** Leaves out reports that say what the one before them said, but for the moment that they are of: most devices are idle. */
export async function* freshReports(stream: AsyncIterable<VirtioStreamEvent>): AsyncGenerator<VirtioStreamEvent> {
  let told: VirtioReport | null = null;
  for await (const event of stream) {
    if (event.kind === 'report') {
      const report = { ...event.report, at: 0 };
      if (told !== null && changesBetween(told, report)?.length === 0) continue;
      told = report;
    }
    yield event;
  }
}
