import { plural } from '../../base/plural.ts';
/** States that are as they should be, said as such; and a receive queue that has run dry. */
import { distance } from '../split-ring.ts';
import { STATUS } from '../status.ts';
import type { QueueRule } from './rule.ts';

export const runDry: QueueRule = {
  about: 'queue',
  look({ device }, queue, { avail, used, stuck }) {
    if (queue.role !== 'receive' || !queue.configured || queue.layout !== 'split' || queue.avail === null) return;
    if (avail !== used || (device.status.value & STATUS.DRIVER_OK) === 0 || !(stuck || avail === 0)) return;
    return {
      id: 'receive-queue-dry',
      section: 'virtio 1.2 §5.1.6.3, §5.3.6',
      severity: 'warning',
      confidence: 'certain',
      title: 'The receive queue holds no buffers: what arrives is dropped',
      explanation:
        avail === 0
          ? 'The driver never filled it.'
          : `All ${avail} buffers came back used, and the driver puts none back.`,
      evidence: [
        ['avail.idx', String(avail)],
        ['used.idx', String(used)],
      ],
      fix: 'Fill the queue after setting it up, and give each buffer back once its contents are taken.',
    };
  },
};

export const healthy: QueueRule = {
  about: 'queue',
  look({ before, apartMs, running }, queue, facts) {
    if (!queue.configured) return;
    const { pending, inFlight, returned, avail, used, moved } = facts;
    const ok = { severity: 'ok', section: '', fix: '', confidence: before === null ? 'likely' : 'certain' } as const;
    const indices = [
      ['avail.idx, used.idx', `${avail}, ${used}`],
      ...(facts.lastAvail === null ? [] : [['device at', String(facts.lastAvail)] as const]),
      ...(facts.lastUsed === null ? [] : [['driver at', String(facts.lastUsed)] as const]),
    ] as const;
    if (moved && facts.before !== undefined) {
      const done = distance(facts.before.used?.index ?? used, used);
      return {
        ...ok,
        id: 'busy',
        title: `Works: ${plural(done, 'chain')} came back in ${apartMs.toFixed(0)} ms`,
        explanation: 'The indices move on both sides.',
        evidence: indices,
      };
    }
    if (queue.role === 'receive' && pending + inFlight > 0)
      return {
        ...ok,
        id: 'waiting',
        title: `At rest: ${plural(pending + inFlight, 'buffer')} wait for something to arrive`,
        explanation: 'A receive queue that is full of buffers is as it should be; nothing has come in.',
        evidence: indices,
      };
    if (pending + inFlight + (returned ?? 0) === 0)
      return {
        ...ok,
        id: 'idle',
        title:
          avail === 0 && queue.layout === 'split'
            ? 'Idle: nothing was ever asked'
            : 'Idle: everything that was asked was answered',
        explanation: 'Nothing is under way.',
        evidence: indices,
      };
    return {
      ...ok,
      confidence: 'possible',
      id: 'under-way',
      title: `${plural(pending + inFlight, 'chain')} under way`,
      explanation: running
        ? 'One look does not tell busy from stalled; look again.'
        : 'The machine is paused: what is under way stands still with it.',
      evidence: indices,
    };
  },
};
