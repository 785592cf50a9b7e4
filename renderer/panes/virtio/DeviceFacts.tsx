import type { VirtioDevice, VirtioFeature } from '../../../app/contract/inspect/virtio.ts';
import { commandText, messageText, msixText, originText } from '../../../app/virtio/pci.ts';
import { STATUS, STATUS_MEANING } from '../../../app/virtio/status.ts';

/** Features by name, status bits, interrupts: what driver and device have agreed on. */
export function DeviceFacts({ device }: { readonly device: VirtioDevice }) {
  const { pci, status, features } = device;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is to be scrolled by keys
    <section className="vq-scroll vq-facts" aria-label="Device" tabIndex={0}>
      <h3>Status {hex(status.value)}</h3>
      <ul className="vq-bits">
        {(Object.keys(STATUS) as (keyof typeof STATUS)[]).map((name) => (
          <li key={name} data-on={(status.value & STATUS[name]) !== 0 ? '' : undefined} title={STATUS_MEANING[name]}>
            {(status.value & STATUS[name]) !== 0 ? '●' : '○'} {name}
          </li>
        ))}
      </ul>
      <h3>Interrupts</h3>
      <dl className="vq-pairs">
        <dt>ISR</dt>
        <dd>{device.isr === null ? 'unknown' : hex(device.isr)}</dd>
        {pci === null ? null : (
          <>
            <dt>PCI command</dt>
            <dd>{commandText(pci)}</dd>
            <dt>MSI-X</dt>
            <dd>{msixText(pci)}</dd>
            {originText(pci) === '' ? null : (
              <>
                <dt>read from</dt>
                <dd>{originText(pci)}</dd>
              </>
            )}
            {pci.unknown.map((it) => (
              <div key={it}>
                <dt>not known</dt>
                <dd>{it}</dd>
              </div>
            ))}
            {pci.msix?.entries.map((it) => (
              <div key={it.index}>
                <dt>entry {it.index}</dt>
                <dd>
                  {messageText(it)}
                  {it.masked ? ', masked' : ''}
                  {it.pending ? ', pending' : ''}
                </dd>
              </div>
            ))}
          </>
        )}
      </dl>
      <h3>
        Features{' '}
        <small>
          {features.filter((it) => it.accepted).length} of {features.length} offered are accepted
        </small>
      </h3>
      <table className="vq-table">
        <tbody>
          {[...features]
            .sort((a, b) => Number(b.accepted) - Number(a.accepted))
            .map((it) => (
              <Feature key={it.bit} feature={it} />
            ))}
        </tbody>
      </table>
    </section>
  );
}

function Feature({ feature: it }: { readonly feature: VirtioFeature }) {
  const state = it.accepted ? (it.offered ? 'accepted' : 'not offered') : 'missed';
  return (
    <tr className="vq-feature" data-state={state}>
      <td className="vq-number">{it.bit}</td>
      <th scope="row">{it.name}</th>
      <td>{state}</td>
      <td className="vq-what">{it.meaning}</td>
    </tr>
  );
}

const hex = (value: number) => `0x${value.toString(16).padStart(2, '0')}`;
