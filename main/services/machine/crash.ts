import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Crash, Epitaph } from '../../../app/contract/index.ts';
import { exceptionName } from '../../../app/x86/exceptions.ts';

/** Bytes of the interrupt log's end that are looked at. */
const LOG_TAIL_BYTES = 64 * 1024;
const LOG_LINES = 40;

/** A line with which the kernel announces its death. */
export function isFatalLine(line: string): boolean {
  return /^ring0: (PANIC|EXCEPTION)\b/.test(line);
}

/** A line with which the kernel announces that the reset that follows is wanted. */
export function isRebootLine(line: string): boolean {
  return /^ring0: reboot/.test(line);
}

/** The last line of a kernel that was shut down on a machine without a power switch, as a microvm is. */
export function isPowerOffLine(line: string): boolean {
  return /^ring0: this machine does not turn itself off/.test(line);
}

/** What the evidence says about a kernel that announced its death. */
export function kernelCrash(epitaph: Epitaph | null, serialTail: string[]): Crash {
  const announced = serialTail.findLast(isFatalLine) ?? '';
  const written = epitaph !== null && epitaph.state === 'written' ? epitaph : null;
  const kind =
    written === null
      ? announced.includes('EXCEPTION')
        ? 'exception'
        : 'panic'
      : written.cause === 'exception'
        ? 'exception'
        : 'panic';
  return {
    kind,
    summary: written === null ? announced : epitaphSummary(written),
    epitaph: written,
    serialTail,
    interruptLog: [],
  };
}

/** One line: `#PF page fault at rip 0x…, address 0x0, error code 0x2, core 0`. */
export function epitaphSummary(epitaph: Epitaph): string {
  const rip = epitaph.registers.rip ?? '?';
  if (epitaph.cause !== 'exception') return `panic on core ${epitaph.core}: ${epitaph.message}`;
  const address = epitaph.vector === 14 ? `, address ${epitaph.registers.cr2 ?? '?'}` : '';
  return `${exceptionName(epitaph.vector)} at rip ${rip}${address}, error code ${epitaph.errorCode}, core ${epitaph.core}`;
}

/** A triple fault: the processor reset itself since it could not even report a fault. */
export function tripleFault(epitaph: Epitaph | null, serialTail: string[], interruptLog: string[]): Crash {
  const chain = interruptLog
    .flatMap((line) => /\bv=([0-9a-f]{2})\b/.exec(line)?.[1] ?? [])
    .map((vector) => exceptionName(Number.parseInt(vector, 16)));
  const faults = chain.slice(-2);
  const summary =
    faults.length === 0
      ? 'triple fault: the processor reset itself'
      : `triple fault: ${faults.join(', then ')}, then the processor reset itself`;
  return {
    kind: 'triple-fault',
    summary,
    epitaph: epitaph?.state === 'written' ? epitaph : null,
    serialTail,
    interruptLog,
  };
}

export function qemuDied(how: string, stderr: string, serialTail: string[]): Crash {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return {
    kind: 'qemu-died',
    summary: said === '' ? `QEMU ended: ${how}` : `QEMU ended: ${how}: ${said}`,
    epitaph: null,
    serialTail,
    interruptLog: [],
  };
}

/**
 * The lines about faults at the end of QEMU's `-d int,cpu_reset` log that were written from `offset` on: of the register dumps only
 * the instruction pointer's line stays. Empty if the log cannot be read.
 */
export function readInterruptLog(path: string, offset = 0): string[] {
  const text = readTail(path, offset);
  return text
    .split('\n')
    .filter((line) => /^\s*\d+: v=|^check_exception|^Triple fault|^RIP=|^CR0=/.test(line))
    .slice(-LOG_LINES);
}

/** Size of the log now; 0 if there is none. */
export function logSize(path: string): number {
  try {
    const file = openSync(path, 'r');
    try {
      return fstatSync(file).size;
    } finally {
      closeSync(file);
    }
  } catch {
    return 0;
  }
}

function readTail(path: string, offset: number): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const start = Math.max(offset, size - LOG_TAIL_BYTES);
      const buffer = Buffer.alloc(Math.max(0, size - start));
      const read = readSync(file, buffer, 0, buffer.length, start);
      return buffer.toString('latin1', 0, read);
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
