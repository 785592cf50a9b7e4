import { ok, type Result } from '../../../app/base/result.ts';
import type { Machine } from '../../../app/contract/index.ts';

/** `info registers -a`, the question that is asked most. */
export async function askRegisters(machine: Pick<Machine, 'query'>): Promise<Result<string>> {
  const text = await machine.query('human-monitor-command', { 'command-line': 'info registers -a' });
  return text.ok ? ok(String(text.value)) : text;
}
