import { memo, useState } from 'react';
import type { Verdict, VirtioDevice } from '../../../app/contract/inspect/virtio.ts';
import { Button } from '../../widgets/buttons.tsx';
import { Icon } from '../../widgets/Icon.tsx';

const ICONS: Readonly<Record<Verdict['severity'], string>> = { error: 'error', warning: 'warning', ok: 'pass' };

/** The judgement, on top: what is wrong in one line, and on request why, with what was seen and what to do. */
export const Verdicts = memo(function Verdicts({
  device,
  verdicts,
}: {
  readonly device: VirtioDevice;
  readonly verdicts: readonly Verdict[];
}) {
  const bad = verdicts.filter((it) => it.severity !== 'ok');
  const shown = bad.length > 0 ? bad : verdicts.slice(-1);
  return (
    <div className="vq-verdicts" role="status" aria-label="Verdict">
      {shown.map((verdict) => (
        <One key={`${verdict.queue} ${verdict.id}`} device={device} verdict={verdict} />
      ))}
    </div>
  );
});

function One({ device, verdict }: { readonly device: VirtioDevice; readonly verdict: Verdict }) {
  const [open, setOpen] = useState(verdict.severity === 'error');
  const queue = device.queues.find((it) => it.index === verdict.queue);
  return (
    <article className="vq-verdict" data-severity={verdict.severity}>
      <header>
        <Icon name={ICONS[verdict.severity]} />
        <strong>{verdict.title}</strong>
        <span className="vq-verdict-where">
          {queue === undefined ? device.id : `${device.id} · ${queue.name}`}
          {verdict.severity === 'ok' ? '' : ` · ${verdict.confidence}`}
        </span>
        <Button kind="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Less' : 'Why?'}
        </Button>
      </header>
      {open ? (
        <div className="vq-verdict-body">
          <p>{verdict.explanation}</p>
          {verdict.fix === '' ? null : (
            <p className="vq-fix">
              <Icon name="lightbulb" /> {verdict.fix}
            </p>
          )}
          <dl>
            {verdict.evidence.map(({ what, value }, n) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: evidence has its order, and two pieces may be called the same
              <div key={n}>
                <dt>{what}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {verdict.section === '' ? null : <p className="vq-section">{verdict.section}</p>}
        </div>
      ) : null}
    </article>
  );
}
