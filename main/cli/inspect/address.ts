import type { InspectSource } from '../../../app/contract/index.ts';
import type { CommandContext } from '../command.ts';
import { giveUp, unwrap } from '../failure.ts';

/** An address as a person types it: `0xffffffff80201000`, `RING0_BOOT_REPORT`, `RING0_BOOT_REPORT+0x10`, `$rsp`, `$cr3`. */
export async function readAddress(
  context: CommandContext,
  source: InspectSource,
  text: string,
  processor = 0,
): Promise<bigint> {
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text);
  if (/^[0-9a-f]{1,16}$/i.test(text) && !/^[a-f]+$/i.test(text))
    giveUp('usage', `"${text}" could be a decimal or a hex number`, '', `write 0x${text}`);
  const found = unwrap(await context.host.inspect.resolve(source, text, processor));
  return BigInt(found.address);
}
