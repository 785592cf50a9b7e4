import { useEffect, useState } from 'react';
import { studio } from '../../host/client.ts';
import { rate } from '../../state/chat/tree.ts';
import { addUsage, cpuWords, sparkline, type UsagePoint } from '../../state/usage-view.ts';
import { formatBytes } from '../../widgets/format.ts';

const INTERVAL_MS = 1000;
const WIDTH = 118;
const HEIGHT = 26;

/** What the machine costs the host and how fast it works, once a second while somebody looks. */
export function UsageView({ id, live }: { readonly id: string; readonly live: boolean }) {
  const [points, setPoints] = useState<readonly UsagePoint[]>([]);
  const [why, setWhy] = useState('');
  useEffect(() => {
    if (!live) return;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const answer = await studio.machines.usage({ id }).catch(() => null);
      if (!current) return;
      if (answer?.ok === true) setPoints((before) => addUsage(before, answer.value));
      setWhy(answer === null || answer.ok ? '' : answer.error.why);
      timer = setTimeout(() => void look(), INTERVAL_MS);
    };
    void look();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [id, live]);
  const last = points.at(-1);
  if (last === undefined) return why === '' ? null : <p className="machine-hint">Not measured: {why}</p>;
  const { usage, cpu } = last;
  const tokens = points.map((point) => point.usage.tokensPerSecond);
  return (
    <dl className="machine-usage" aria-label="Use of the host">
      <Tile
        title="CPU"
        value={cpuWords(cpu)}
        detail={`of ${usage.hostProcessors * 100} %`}
        curve={sparkline(
          points.map((point) => point.cpu),
          usage.hostProcessors,
          WIDTH,
          HEIGHT,
        )}
      />
      <Tile
        title="Resident"
        value={formatBytes(usage.residentBytes)}
        detail={usage.guestBytes === null ? '' : `${formatBytes(usage.guestBytes)} guest`}
        curve={sparkline(
          points.map((point) => point.usage.residentBytes),
          Math.max(...points.map((point) => point.usage.residentBytes)) * 1.2,
          WIDTH,
          HEIGHT,
        )}
      />
      <Tile
        title="Tokens/s"
        value={usage.tokensPerSecond === null ? 'none yet' : rate(usage.tokensPerSecond)}
        detail={usage.tokens === null ? '' : `${usage.tokens} since boot`}
        curve={sparkline(tokens, Math.max(1, ...tokens.map((value) => value ?? 0)) * 1.2, WIDTH, HEIGHT)}
      />
    </dl>
  );
}

function Tile({
  title,
  value,
  detail,
  curve,
}: {
  readonly title: string;
  readonly value: string;
  readonly detail: string;
  readonly curve: string;
}) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <strong>{value}</strong>
        <span>{detail}</span>
      </dd>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {curve === '' ? null : <polyline points={curve} />}
      </svg>
    </div>
  );
}
