import type { Crash, Epitaph } from '../../app/contract/index.ts';
import type { Paint } from './terminal.ts';

/** What is known of a guest's death, for people. */
export function crashText(crash: Crash, paint: Paint): string {
  return [
    `${paint('red', 'the guest is dead:')} ${paint('bold', crash.summary)}`,
    ...(crash.epitaph === null ? [] : [epitaphText(crash.epitaph, paint)]),
    ...section('QEMU saw', crash.interruptLog, paint),
    // With an epitaph, the console has said the same in other words.
    ...(crash.epitaph === null ? section('end of the serial console', crash.serialTail, paint) : []),
  ].join('\n');
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [paint('bold', title), ...lines.map((line) => `  ${line}`)];
}

/** An epitaph record: message, registers four to a line, backtrace. */
export function epitaphText(epitaph: Epitaph, paint: Paint): string {
  if (epitaph.state === 'alive') return 'the kernel is alive: it has left no epitaph';
  const registers = Object.entries(epitaph.registers).map(
    ([name, value]) => `${name.padStart(6)} ${value.slice(2).padStart(16, '0')}`,
  );
  const rows = Array.from({ length: Math.ceil(registers.length / 4) }, (_, row) =>
    registers.slice(row * 4, row * 4 + 4).join(' '),
  );
  const cause =
    epitaph.cause === 'exception' ? `exception ${epitaph.vector}, error code ${epitaph.errorCode}` : epitaph.cause;
  return [
    `${paint('bold', 'epitaph')}  ${cause}, on core ${epitaph.core}${epitaph.state === 'written' ? '' : ` (record ${epitaph.state})`}`,
    `  ${epitaph.message}`,
    ...section('registers', rows, paint),
    ...section(
      'backtrace',
      epitaph.frames.map((frame) => `${frame.address}  ${frame.symbol ?? '?'}`),
      paint,
    ),
    ...section('the record itself has problems', epitaph.problems, paint),
  ].join('\n');
}
