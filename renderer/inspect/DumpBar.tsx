import { closeDump, fileName, useOpenDump } from '../state/inspected.ts';
import { useShownMachine } from '../state/machines.ts';
import { Button } from '../widgets/buttons.tsx';
import { formatBytes } from '../widgets/format.ts';
import { Icon } from '../widgets/Icon.tsx';

/** Says that what is shown is a dump and no machine, of what and of when, and leads back. Nothing where a machine is looked at. */
export function DumpBar() {
  const dump = useOpenDump();
  const machine = useShownMachine();
  if (dump === null) return null;
  const { path, memoryBytes, processors, madeAt, profile, lacks } = dump;
  const facts = [
    formatBytes(Number(BigInt(memoryBytes))),
    `${processors} ${processors === 1 ? 'processor' : 'processors'}`,
    profile === null ? '' : `of ${profile}`,
    madeAt === null ? '' : `saved ${new Date(madeAt).toLocaleString()}`,
  ].filter((it) => it !== '');
  return (
    <div className="inspect-dump" role="status">
      <Icon name="archive" />
      <span className="inspect-dump-name" title={path}>
        Dump <strong>{fileName(path)}</strong>
      </span>
      <span className="inspect-dump-facts">{facts.join(', ')}</span>
      {lacks.length === 0 ? null : (
        <span className="inspect-dump-lacks" title={lacks.join('\n')}>
          <Icon name="warning" /> {lacks.length === 1 ? 'lacks something' : `lacks ${lacks.length} things`}
          <span className="visually-hidden">: {lacks.join('; ')}</span>
        </span>
      )}
      <span className="inspect-space" />
      <Button icon="arrow-left" onClick={closeDump}>
        {machine === null ? 'Close the dump' : `Back to ${machine.info.profile.name}`}
      </Button>
    </div>
  );
}
