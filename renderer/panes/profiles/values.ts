/** A field's value in one line. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'inherited';
  if (value === null) return 'none';
  if (typeof value === 'string') return value === '' ? 'empty' : value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  if (value.length === 0) return 'none';
  return value.map((item: unknown) => (isForward(item) ? forwardText(item) : String(item))).join(', ');
}

export interface ForwardDraft {
  readonly host: unknown;
  readonly guest: unknown;
}

export function isForward(value: unknown): value is ForwardDraft {
  return typeof value === 'object' && value !== null && 'host' in value && 'guest' in value;
}

function forwardText({ host, guest }: ForwardDraft): string {
  return `${host === 0 ? 'any port' : String(host)} to ${String(guest)}`;
}

/** What was typed into a field for numbers: a number if it is one, else the text, for the schema to say what is wrong with it. */
export function numberOrText(text: string): number | string {
  const value = Number(text);
  return text.trim() === '' || Number.isNaN(value) ? text : value;
}
