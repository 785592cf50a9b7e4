import { memo } from 'react';
import type { PageWalk } from '../../../app/contract/inspect/paging.ts';
import { grouped } from '../../state/paging-map.ts';

/** The walk of one address: an entry a row, its bits as chips that say what they mean. */
export const WalkView = memo(function WalkView({
  walk,
  before,
}: {
  readonly walk: PageWalk;
  readonly before: PageWalk | null;
}) {
  return (
    <div className="paging-walk">
      <p className="paging-walk-head">
        <code>{grouped(walk.address)}</code>
        {walk.symbol === null ? null : <span className="paging-symbol">{walk.symbol}</span>}
        <span className="paging-mode">
          {walk.mode}, CR3 {walk.cr3}
        </span>
      </p>
      {walk.steps.length === 0 ? null : (
        <table className="inspect-table">
          <thead>
            <tr>
              <th scope="col">Entry</th>
              <th scope="col">At</th>
              <th scope="col">Value</th>
              <th scope="col">Leads to</th>
              <th scope="col">Bits</th>
            </tr>
          </thead>
          <tbody>
            {walk.steps.map((step, index) => (
              <tr
                key={step.level}
                data-changed={
                  before !== null && before.address === walk.address && before.steps[index]?.entry !== step.entry
                    ? ''
                    : undefined
                }
              >
                <th scope="row">
                  {step.name}[{step.index}]
                </th>
                <td>
                  <code>{step.address}</code>
                </td>
                <td>
                  <code>{grouped(step.entry)}</code>
                </td>
                <td>
                  {step.kind === 'table' || step.kind === 'page' ? (
                    <>
                      {step.kind} <code>{step.target}</code>
                    </>
                  ) : (
                    <span className="paging-bad">{step.kind === 'absent' ? 'not present' : 'reserved bits'}</span>
                  )}
                </td>
                <td>
                  <span className="paging-bits">
                    {step.flags.map(({ bit, name, set, meaning }) => (
                      <abbr
                        key={bit}
                        data-set={set ? '' : undefined}
                        title={`bit ${bit}, ${name} = ${set ? 1 : 0}: ${meaning}`}
                      >
                        {name}
                      </abbr>
                    ))}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className={walk.outcome === 'mapped' ? 'paging-outcome' : 'paging-outcome paging-bad'}>{walk.explanation}</p>
      {walk.torn ? <p className="paging-outcome paging-warn">The entries changed while they were read.</p> : null}
    </div>
  );
});
