import { useEffect, useState } from 'react';
import type { AppError, Result } from '../../../app/base/result.ts';
import type { ProfileFile } from '../../../app/contract/profile.ts';
import { studio } from '../../host/client.ts';
import { shellCommand } from '../../state/machine-view.ts';
import { CodeBlock } from '../../widgets/CodeBlock.tsx';
import { CopyButton } from '../../widgets/CopyButton.tsx';

const DELAY_MS = 150;

/** Only the host knows where the files lie that a profile names. */
async function commandLine(name: string, file: ProfileFile): Promise<Result<string[]>> {
  const checked = await studio.profiles.check({ name, file });
  return checked.ok ? studio.profiles.argv({ profile: checked.value }) : checked;
}

/** What QEMU would be started with, as it is typed. The last right one stays while something is wrong. */
export function CommandLine({
  name,
  file,
  issues,
}: {
  readonly name: string;
  /** Null while something is wrong. */
  readonly file: ProfileFile | null;
  readonly issues: number;
}) {
  const [argv, setArgv] = useState<readonly string[]>([]);
  const [error, setError] = useState<AppError | null>(null);
  const key = file === null ? '' : JSON.stringify([name, file]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says whether the profile is another
  useEffect(() => {
    if (file === null) return;
    let current = true;
    const timer = setTimeout(() => {
      commandLine(name, file).then(
        (answer) => {
          if (!current) return;
          setError(answer.ok ? null : answer.error);
          if (answer.ok) setArgv(answer.value);
        },
        // Without the host, the line stays as it was.
        () => {},
      );
    }, DELAY_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key]);
  const stale = file === null;
  return (
    <section className="profiles-argv" aria-label="QEMU command line">
      <div className="section-head">
        <h2>QEMU command line</h2>
        <span className="profiles-argv-note">
          {stale
            ? `of before: ${issues} ${issues === 1 ? 'field is' : 'fields are'} wrong`
            : (error?.why ?? 'what only a start settles stands in capitals')}
        </span>
        <CopyButton label="Copy the command line" text={() => shellCommand(argv)} />
      </div>
      <CodeBlock label="QEMU command line, one option a line" text={shellCommand(argv, '\n  ')} stale={stale} />
    </section>
  );
}
