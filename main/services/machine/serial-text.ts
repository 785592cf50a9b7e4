/** Lines that are remembered for an error report. */
export const RECORDS_LINES = 40;
const MAX_LINE = 1000;

/** Serial bytes as lines of text for people: no escape sequences, no control characters, bounded. */
export class SerialText {
  readonly #decoder = new TextDecoder();
  #lines: string[] = [];
  #rest = '';

  /** The lines that these bytes complete. */
  push(bytes: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = (parts.pop() ?? '').slice(-MAX_LINE);
    const lines = parts.map(plain);
    this.#lines = [...this.#lines, ...lines].slice(-RECORDS_LINES);
    return lines;
  }

  tail(count: number): string[] {
    const rest = plain(this.#rest);
    return [...this.#lines, ...(rest === '' ? [] : [rest])].slice(-count);
  }
}

/**
 * A line as a person would copy it: what a carriage return went back over is gone, and so are CSI and OSC sequences (ECMA-48) and
 * control characters.
 */
function plain(line: string): string {
  const written = line.replace(/\r+$/, '');
  return written
    .slice(written.lastIndexOf('\r') + 1)
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g, '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
    .trimEnd()
    .slice(0, MAX_LINE);
}
