import { messageOf, type Result } from '../../app/base/result.ts';
import type { Resolved } from '../../app/contract/inspect/memory.ts';
import type { SourceRef } from '../../app/contract/inspect/source.ts';
import { studio } from '../host/client.ts';

/** An address by what a person typed; a bare hex number with more than eight digits or letters is one too. */
export async function resolveText(ref: SourceRef, text: string, processor: number): Promise<Result<Resolved>> {
  const plain = text.replace(/[_\s]/g, '');
  if (/^(0x)?[0-9a-f]{1,16}$/i.test(plain) && (plain.startsWith('0x') || /^\d/.test(plain) || plain.length > 8)) {
    const address = `0x${BigInt(plain.startsWith('0x') ? plain : `0x${plain}`).toString(16)}`;
    return { ok: true, value: { address, name: '', size: null } };
  }
  try {
    return await studio.inspect.resolve({ ...ref, text, processor });
  } catch (thrown) {
    return {
      ok: false,
      error: { code: 'not-asked', what: 'The address was not looked up.', why: messageOf(thrown), fix: 'Try again.' },
    };
  }
}
