import { type Inspected, useOpenDump } from '../state/inspected.ts';

/** As which processor it is seen; nothing where there is only one. */
export function ProcessorPicker({
  inspected,
  value,
  onChange,
}: {
  readonly inspected: Inspected | null;
  readonly value: number;
  readonly onChange: (processor: number) => void;
}) {
  const dump = useOpenDump();
  const count = dump?.processors ?? inspected?.machine?.info.profile.cores ?? 1;
  if (count < 2) return null;
  return (
    <select
      className="field"
      aria-label="Processor"
      value={value}
      onChange={(event) => onChange(Number(event.target.value))}
    >
      {Array.from({ length: count }, (_, index) => index).map((index) => (
        <option key={index} value={index}>
          CPU {index}
        </option>
      ))}
    </select>
  );
}
