/** Server-sent events (WHATWG HTML §9.2), as the API streams them. */

export interface SseEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  readonly data: string;
}

/** The most characters that one event may have. */
const MAX_EVENT_CHARACTERS = 4 << 20;

/** Fed with text cut anywhere; a comment (`: ping`) is dropped. Throws when an event grows beyond all reason. */
export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #characters = 0;

  push(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    const input = this.#rest + text;
    // A carriage return at the end may be half of a line end: it waits for what follows.
    const usable = input.endsWith('\r') ? input.length - 1 : input.length;
    let start = 0;
    const ends = /\r\n|\n|\r/g;
    for (let match = ends.exec(input); match !== null && match.index < usable; match = ends.exec(input)) {
      const event = this.#line(input.slice(start, match.index));
      if (event !== undefined) events.push(event);
      start = match.index + match[0].length;
    }
    this.#rest = input.slice(start);
    this.#bound(this.#rest.length);
    return events;
  }

  #bound(more: number): void {
    if (this.#characters + more > MAX_EVENT_CHARACTERS) throw new Error('an event of more than 4 Mi characters');
  }

  #line(line: string): SseEvent | undefined {
    if (line === '') {
      const event =
        this.#data.length === 0 ? undefined : { event: this.#event || 'message', data: this.#data.join('\n') };
      this.#event = '';
      this.#data = [];
      this.#characters = 0;
      return event;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') {
      this.#bound(value.length);
      this.#characters += value.length;
      this.#data.push(value);
    } else if (field === 'event') this.#event = value;
    return undefined;
  }
}
