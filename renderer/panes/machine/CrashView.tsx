import type { Crash } from '../../../app/contract/machine.ts';
import { EPITAPH_REGISTERS } from '../../../app/contract/records.ts';
import { padHex } from '../../state/machine-view.ts';
import { CodeBlock } from '../../widgets/CodeBlock.tsx';
import { Icon } from '../../widgets/Icon.tsx';
import { Frames } from './Frames.tsx';

/** What was found at the body: message, frames, registers, the last lines. */
export function CrashView({ machineId, crash }: { readonly machineId: string; readonly crash: Crash }) {
  const { epitaph } = crash;
  const known = epitaph !== null && epitaph.state !== 'alive';
  return (
    <section className="machine-crash" aria-label="Crash">
      <div className="note note-error" role="alert">
        <Icon name="error" />
        <div className="note-body">
          <p>{crash.summary}</p>
          {known && epitaph.message !== '' && !crash.summary.includes(epitaph.message) ? (
            <pre>{epitaph.message}</pre>
          ) : null}
          {known && epitaph.state === 'writing' ? (
            <p>The kernel died while it wrote this record: parts may be missing.</p>
          ) : null}
        </div>
      </div>
      {!known || epitaph.frames.length === 0 ? null : (
        <Frames machineId={machineId} frames={epitaph.frames} isException={epitaph.cause === 'exception'} />
      )}
      {!known ? null : (
        <details>
          <summary>
            Registers of core {epitaph.core}
            {epitaph.cause === 'exception' ? `, error code ${epitaph.errorCode}` : ''}
          </summary>
          <dl className="machine-registers">
            {EPITAPH_REGISTERS.flatMap((name) => {
              const value = epitaph.registers[name];
              return value === undefined
                ? []
                : [
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd>{padHex(value)}</dd>
                    </div>,
                  ];
            })}
          </dl>
        </details>
      )}
      {crash.serialTail.length === 0 ? null : (
        <details open>
          <summary>Last lines of the console</summary>
          <CodeBlock label="Last lines of the console" className="machine-argv" text={crash.serialTail.join('\n')} />
        </details>
      )}
      {crash.interruptLog.length === 0 ? null : (
        <details>
          <summary>Last exceptions in QEMU's log</summary>
          <CodeBlock
            label="Last exceptions in QEMU's log"
            className="machine-argv"
            text={crash.interruptLog.join('\n')}
          />
        </details>
      )}
      {known && epitaph.problems.length > 0 ? (
        <ul className="machine-problems">
          {epitaph.problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}
