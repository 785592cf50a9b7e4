import { expect, test } from 'vitest';
import { msiOf, msixEntries, msixOf, pinDisabled } from './msix.ts';

test('MSI-X of a configuration space that nobody wrote: any words are decoded, and lists in circles end', () => {
  let seed = 11;
  const word = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed;
  };
  for (let run = 0; run < 3000; run++) {
    const config = Array.from({ length: run % 65 }, word);
    // Half of them have a list of capabilities that is likely to be walked.
    if (run % 2 === 0 && config.length > 13) config[13] = 0x40 + (word() % 0x30) * 4;
    const msix = msixOf(config);
    if (msix !== undefined) {
      expect(msix.entries).toBeGreaterThan(0);
      expect(msix.entries).toBeLessThanOrEqual(2048);
      expect(msix.tableBar).toBeLessThan(8);
      expect(msix.tableOffset % 8).toBe(0);
    }
    msiOf(config);
    pinDisabled(config);
    expect(msixEntries(config, config)).toHaveLength(Math.floor(config.length / 4));
  }
});
