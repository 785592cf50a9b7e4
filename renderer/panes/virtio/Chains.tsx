import { memo, useEffect, useState } from 'react';
import type { SourceRef } from '../../../app/contract/inspect/source.ts';
import type { Chain, ChainContent, VirtioQueue } from '../../../app/contract/inspect/virtio.ts';
import { byteCount } from '../../../app/virtio/content/index.ts';
import { studio } from '../../host/client.ts';
import { useVirtioSelection } from '../../state/virtio.ts';

/** Chains that are drawn as rows; a receive queue has hundreds that say nothing. */
const ROWS = 200;
const AGAIN_MS = 500;

/** The chains that are somebody's, and below the buffers of the one that is chosen. */
export const Chains = memo(function Chains({
  queue,
  source,
  device,
  isPast,
  isVisible,
}: {
  readonly queue: VirtioQueue;
  readonly source: SourceRef;
  readonly device: string;
  readonly isPast: boolean;
  readonly isVisible: boolean;
}) {
  const head = useVirtioSelection((state) => state.head);
  const { chains } = queue;
  const shown = chains.length <= ROWS ? chains : chains.slice(0, ROWS);
  return (
    <div className="vq-chains">
      {chains.length === 0 ? (
        <p className="vq-quiet">Every descriptor is free: nothing is under way.</p>
      ) : (
        <div className="vq-scroll">
          <table className="vq-table">
            <thead>
              <tr>
                <th scope="col">Head</th>
                <th scope="col">Owner</th>
                <th scope="col">Descriptors</th>
                <th scope="col">Out</th>
                <th scope="col">In</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((chain, n) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a broken ring may hold a head twice
                <ChainRow key={`${chain.head} ${n}`} chain={chain} isSelected={chain.head === head} />
              ))}
            </tbody>
          </table>
          {chains.length > ROWS ? <p className="vq-quiet">and {chains.length - ROWS} more</p> : null}
        </div>
      )}
      {head === null ? (
        <p className="vq-quiet">Choose a chain, here or on the rings, to see its buffers.</p>
      ) : (
        <Contents
          key={`${device} ${queue.index} ${head}`}
          source={source}
          device={device}
          queue={queue.index}
          head={head}
          isPast={isPast}
          isVisible={isVisible}
        />
      )}
    </div>
  );
});

const ChainRow = memo(function ChainRow({
  chain,
  isSelected,
}: {
  readonly chain: Chain;
  readonly isSelected: boolean;
}) {
  const { head, owner, descriptors, table } = chain;
  return (
    <tr data-selected={isSelected ? '' : undefined}>
      <th scope="row">
        <button
          type="button"
          className="vq-link"
          aria-pressed={isSelected}
          onClick={() => useVirtioSelection.setState({ head: isSelected ? null : head })}
        >
          {head}
        </button>
      </th>
      <td>
        <span className="vq-owner" data-owner={owner}>
          {owner}
        </span>
      </td>
      <td>
        {descriptors.slice(0, 4).join(' → ')}
        {descriptors.length > 4 ? ' …' : ''}
        {table === null ? '' : ` ⇒ ${table.entries}`}
      </td>
      <td>{chain.readableBytes === 0 ? '' : byteCount(chain.readableBytes)}</td>
      <td>{chain.writableBytes === 0 ? '' : byteCount(chain.writableBytes)}</td>
      <td className="vq-what">
        {chain.summary}
        {chain.problems.map((it) => (
          <em key={it.text}> {it.text}</em>
        ))}
      </td>
    </tr>
  );
});

/** The buffers of a chain as memory has them now, decoded and in hex. */
function Contents({
  source,
  device,
  queue,
  head,
  isPast,
  isVisible,
}: {
  readonly source: SourceRef;
  readonly device: string;
  readonly queue: number;
  readonly head: number;
  readonly isPast: boolean;
  readonly isVisible: boolean;
}) {
  const [content, setContent] = useState<ChainContent | string | null>(null);
  useEffect(() => {
    if (!isVisible) return;
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const question = { ...source, device, queue, head };
      const answer = await studio.inspect.virtioChain(question, { signal: controller.signal }).catch(() => null);
      if (controller.signal.aborted) return;
      if (answer !== null) setContent(answer.ok ? answer.value : answer.error.what);
      timer = setTimeout(() => void look(), AGAIN_MS);
    };
    void look();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [source, device, queue, head, isVisible]);
  if (content === null) return <p className="vq-quiet">Reading chain {head}…</p>;
  if (typeof content === 'string') return <p className="vq-quiet">{content}</p>;
  const { chain, layers, buffers } = content;
  return (
    <section className="vq-contents" aria-label={`Buffers of chain ${head}`}>
      <h3>
        Chain {head}{' '}
        <span className="vq-owner" data-owner={chain.owner}>
          {chain.owner}
        </span>
        {content.summary === '' ? '' : ` ${content.summary}`}
      </h3>
      {isPast ? <p className="vq-quiet">The bytes are those of now: memory of the past is not kept.</p> : null}
      <div className="vq-layers">
        {layers.map((layer) => (
          <dl key={layer.name} className="vq-layer">
            <dt>{layer.name}</dt>
            {layer.fields.map((it) => (
              <dd key={it.name}>
                <span>{it.name}</span>
                <code>{it.value}</code>
                {it.note === '' ? null : <small>{it.note}</small>}
              </dd>
            ))}
          </dl>
        ))}
      </div>
      {buffers.map(({ element, hex }, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: elements stand in the chain's order
        <div key={n} className="vq-buffer">
          <p>
            {element.indirect ? 'indirect ' : ''}descriptor {element.index} <code>{element.address}</code>{' '}
            {byteCount(element.length)} <b>{element.write ? 'device writes' : 'device reads'}</b>
          </p>
          {hex === null ? <p className="vq-bad">no RAM</p> : <pre>{hexDump(hex, element.address)}</pre>}
        </div>
      ))}
    </section>
  );
}

/** Sixteen bytes a line: address, hex in two halves, text. */
export function hexDump(hex: string, address: string): string {
  const bytes = hex.match(/../g) ?? [];
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16);
    const text = row.map((it) => {
      const code = Number.parseInt(it, 16);
      return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
    });
    const place = (BigInt(address) + BigInt(at)).toString(16).padStart(9, '0');
    const halves = `${row.slice(0, 8).join(' ')}  ${row.slice(8).join(' ')}`.padEnd(48);
    lines.push(`${place}  ${halves}  ${text.join('')}`);
  }
  return lines.join('\n');
}
