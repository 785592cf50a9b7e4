import type { Inspected } from '../state/inspected.ts';

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
  // How many a dump has is not known here; a wrong number is answered with those that there are.
  const count = inspected?.machine?.info.profile.cores ?? (inspected?.dump === null ? 1 : 16);
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
