import type { Verdict } from '../../contract/inspect/virtio.ts';
import { badChain, indirectNotAccepted } from './chains.ts';
import { healthy, runDry } from './healthy.ts';
import { notTakenBack, pendingMasked } from './interrupts.ts';
import { beforeDriverOk, deviceBusy, kickMissing } from './progress.ts';
import {
  addressMismatch,
  misaligned,
  notConfigured,
  notPublished,
  notRam,
  overrun,
  sizeMismatch,
  wrapsEarly,
} from './rings.ts';
import { type DeviceRule, type Evidence, type Finding, progressOf, type QueueRule } from './rule.ts';
import { busMasterOff, driverGaveUp, featuresNotOffered, featuresRefused, needsReset, noDriver } from './setup.ts';

export type { Evidence, ProcessorFacts } from './rule.ts';

const DEVICE_RULES: readonly DeviceRule[] = [
  busMasterOff,
  featuresRefused,
  featuresNotOffered,
  needsReset,
  driverGaveUp,
  noDriver,
];

/**
 * By stage: what is wrong with the memory itself explains all that does not move, so a later stage is asked only where the earlier
 * ones found no error.
 */
const QUEUE_STAGES: readonly (readonly QueueRule[])[] = [
  [notRam],
  [sizeMismatch, wrapsEarly, addressMismatch, misaligned, notConfigured],
  [overrun, badChain, indirectNotAccepted, notPublished],
  [beforeDriverOk],
  [kickMissing, notTakenBack, pendingMasked, deviceBusy, runDry],
  [healthy],
];

/** From here on the stages are about what moves. */
const PROGRESS_STAGE = 3;

/** Device errors after which a queue that does not move needs no explanation of its own. */
const EXPLAINS_QUEUES = new Set(['bus-master-off', 'features-refused', 'driver-gave-up', 'device-needs-reset']);

/** The verdicts on a device: errors first, each queue that is set up having one at least. */
export function judge(evidence: Evidence): Verdict[] {
  const verdicts: Verdict[] = [];
  const add = (finding: Finding, queue: number | null) =>
    verdicts.push({
      ...finding,
      queue,
      evidence: finding.evidence.map(([what, value]) => ({ what, value })),
    });
  for (const rule of DEVICE_RULES) {
    const finding = rule.look(evidence);
    if (finding !== undefined) add(finding, null);
  }
  const explained = verdicts.some((it) => EXPLAINS_QUEUES.has(it.id));
  for (const queue of evidence.device.queues) {
    const facts = progressOf(evidence, queue);
    for (const stage of explained ? QUEUE_STAGES.slice(0, PROGRESS_STAGE) : QUEUE_STAGES) {
      const findings = stage
        .map((rule) => rule.look(evidence, queue, facts))
        .filter((it): it is Finding => it !== undefined);
      for (const finding of findings) add(finding, queue.index);
      if (findings.length > 0) break;
    }
  }
  const rank = { error: 0, warning: 1, ok: 2 } as const;
  return verdicts.sort((a, b) => rank[a.severity] - rank[b.severity] || (a.queue ?? -1) - (b.queue ?? -1));
}
