const MIB = 1 << 20;

/** RAM beside the model: kernel, heap, key-value cache and network. */
const BESIDE_MIB = 256;

/**
 * RAM in MiB for a model: what the profile says, or more where the weights would not fit beside the rest. An eighth on top of the
 * weights is for caches that grow with the model.
 */
export function memoryFor(profileMiB: number, modelBytes: number): number {
  const needed = Math.ceil(((modelBytes / MIB) * 9) / 8) + BESIDE_MIB;
  return needed <= profileMiB ? profileMiB : Math.ceil(needed / 256) * 256;
}
