import { type KeyboardEvent, useState } from 'react';
import { DriverPlaceSchema, type DriverSide } from '../../../app/contract/inspect/virtio.ts';
import { placeProblem } from '../../../app/virtio/driver-place.ts';
import { studio } from '../../host/client.ts';
import { useOffers } from '../../inspect/use-offers.ts';
import type { Inspected } from '../../state/inspected.ts';
import { shownName } from '../../state/symbol-names.ts';
import { SYMBOL_ICONS } from '../../state/symbols.ts';
import { type NamedPlaces, NOTHING_NAMED, namePlaces } from '../../state/virtio-named.ts';
import { IconButton } from '../../widgets/buttons.tsx';
import { Combobox } from '../../widgets/Combobox.tsx';
import type { Named } from './use-named.ts';
import './variables.css';

const OFFERED = 12;

/** Where the driver keeps its own idea of the queue, for a kernel that does not publish it. Changed: it is asked from then on. */
export function Variables({
  inspected,
  placesKey,
  named: { places, side },
  driver,
}: {
  readonly inspected: Inspected;
  readonly placesKey: string;
  readonly named: Named;
  /** What is known without them. */
  readonly driver: DriverSide | null;
}) {
  const isNamed = places.lastUsed !== '' || places.size !== '';
  const field = (kind: keyof NamedPlaces, label: string) => (
    <PlaceField
      // What was applied elsewhere, or taken away, is what the field shows.
      key={`${kind} ${places[kind]}`}
      inspected={inspected}
      kind={kind}
      label={label}
      applied={places[kind]}
      error={side?.errors[kind] ?? ''}
      onApply={(text) => namePlaces(placesKey, { ...places, [kind]: text })}
    />
  );
  return (
    <fieldset className="vq-variables" aria-label="Driver's variables">
      {field('lastUsed', "driver's last used index")}
      {field('size', "driver's queue size")}
      {isNamed ? (
        <IconButton
          icon="close"
          label="Forget the driver's variables"
          onClick={() => namePlaces(placesKey, NOTHING_NAMED)}
        />
      ) : null}
      <p className="vq-variables-note" role="status">
        {isNamed || driver === null ? noteOf(isNamed, side) : ''}
      </p>
    </fieldset>
  );
}

function noteOf(isNamed: boolean, side: Named['side']): string {
  if (!isNamed) return 'Nobody tells what the driver believes: name its variables.';
  if (side === null) return 'Reading them';
  return side.failed !== '' ? side.failed : 'The verdict is from these, read once a second, whichever queue is shown.';
}

function PlaceField({
  inspected,
  kind,
  label,
  applied,
  error,
  onApply,
}: {
  readonly inspected: Inspected;
  readonly kind: keyof NamedPlaces;
  readonly label: string;
  readonly applied: string;
  /** What the machine says of the place that is applied. */
  readonly error: string;
  readonly onApply: (text: string) => void;
}) {
  const [text, setText] = useState(applied);
  const [refused, setRefused] = useState('');
  const query = text.trim();
  const isName = query.length >= 2 && query !== applied && /^[a-z_.$][\w.$:]*$/i.test(query);
  const symbols = useOffers(inspected, isName ? query : null, (source, name) =>
    studio.inspect.symbols({ ...source, query: name, limit: OFFERED }),
  );
  const apply = (place: string) => {
    const wrong = place === '' ? null : placeProblem(kind, place);
    setRefused(wrong === null ? '' : `${wrong.what}: ${wrong.fix}`);
    if (wrong === null) onApply(place);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // The pane has keys of its own for these.
    if (event.key === ',' || event.key === '.') event.stopPropagation();
    if (event.key !== 'Escape' || (text === applied && refused === '')) return;
    event.stopPropagation();
    setText(applied);
    setRefused('');
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the field within
    <span className="vq-variable" data-kind={kind} onKeyDown={onKeyDown} title={MEANING[kind]}>
      <span aria-hidden="true">{label}</span>
      <Combobox
        label={label}
        placeholder={PLACEHOLDER[kind]}
        text={text}
        options={symbols.map(({ name, address, kind: of }) => ({
          key: `${name}${address}`,
          ...shownName(name, query),
          note: address,
          icon: of === 'function' ? SYMBOL_ICONS.function : SYMBOL_ICONS.static,
          // A generic's path is none that a place may be written with.
          place: DriverPlaceSchema.safeParse(name).success ? name : address,
        }))}
        error={refused !== '' ? refused : text === applied ? error : ''}
        onText={(typed) => {
          setText(typed);
          setRefused('');
        }}
        onPick={({ place }) => {
          setText(place);
          apply(place);
        }}
        onEnter={() => apply(query)}
      />
    </span>
  );
}

const PLACEHOLDER = { lastUsed: 'symbol+0x10, 0x…', size: 'symbol or number' } as const;
const MEANING = {
  lastUsed:
    'Where the driver keeps the used index up to which it has taken buffers back (16 bits): SYMBOL, SYMBOL+0x10, 0xADDRESS; ->0x18 follows a pointer',
  size: 'The number of entries that the driver assumes, or where it keeps it (16 bits)',
} as const;
