import { useEffect, useState } from 'react';
import type { CodePlace } from '../../../app/contract/places.ts';
import type { Registers } from '../../../app/contract/studio.ts';
import { glanceRegisters } from '../../state/machine-view.ts';
import { readRegisters } from '../../state/machines.ts';
import { openableOf, placesOf } from '../../state/places.ts';
import { openFile } from '../../workbench/open.ts';

const INTERVAL_MS = 1000;

/** The function and the line that a processor is at. */
function Place({ id, rip }: { readonly id: string; readonly rip: string | undefined }) {
  const [place, setPlace] = useState<CodePlace | undefined>(undefined);
  useEffect(() => {
    let current = true;
    if (rip !== undefined)
      placesOf(id, [rip]).then(
        (places) => current && setPlace(places.get(rip)),
        () => {},
      );
    return () => {
      current = false;
    };
  }, [id, rip]);
  if (place === undefined || (place.symbol === null && place.source === null)) return null;
  const openable = openableOf(place);
  return (
    <p className="machine-at">
      <span className="machine-symbol">{place.symbol}</span>
      {openable === null ? null : (
        <button
          type="button"
          className="link"
          onClick={() => openFile(openable.path, { line: openable.line, column: Math.max(1, openable.column) })}
        >
          {openable.path}:{openable.line}
        </button>
      )}
    </p>
  );
}

/** A few registers of each processor, renewed every second while the machine runs. */
export function RegisterView({
  id,
  live,
  stateKey,
}: {
  readonly id: string;
  readonly live: boolean;
  /** Renews once when it changes. */
  readonly stateKey: string;
}) {
  const [registers, setRegisters] = useState<Registers | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a machine that has just stopped is read once more
  useEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const renew = async () => {
      const next = await readRegisters(id).catch(() => null);
      if (!current) return;
      if (next !== null) setRegisters(next);
      if (live) timer = setTimeout(() => void renew(), INTERVAL_MS);
    };
    void renew();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [id, live, stateKey]);
  if (registers === null || registers.processors.length === 0) return null;
  return (
    <div>
      <div className="section-head">
        <h3>Registers</h3>
      </div>
      {registers.processors.map(({ index, values, halted }) => (
        <div key={index} className="machine-cpu">
          {registers.processors.length > 1 || halted ? (
            <p className="machine-cpu-name">
              Processor {index}
              {halted ? ', halted' : ''}
            </p>
          ) : null}
          <Place id={id} rip={values.rip} />
          <dl className="machine-registers">
            {glanceRegisters(values).map(({ name, value }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </div>
  );
}
