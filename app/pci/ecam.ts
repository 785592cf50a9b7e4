/** Where QEMU's machines show PCI configuration space in memory (ECAM, PCI Express Base 5.0 §7.2.2). */

/** q35, once firmware has switched it on (hw/pci-host/q35.c); `pc` has none. */
const Q35_ECAM = 0xb000_0000n;
/** The generic host bridge, which among the machines of a PC microvm has, with `pcie=on` (hw/i386/microvm.c: PCIE_ECAM_BASE). */
export const GPEX_ECAM = 0xe000_0000n;

/** The generic bridge's function 00:00.0 (hw/pci-host/gpex.c). */
const GPEX_ROOT = { vendor: 0x1b36, product: 0x0008 };

/** By what is at the root: who reads there compares the vendor, since on some machines that is not configuration space. */
export function ecamOf(
  functions: readonly { readonly bus: number; readonly vendor: number; readonly product: number }[],
): bigint {
  const isGpex = functions.some(
    ({ bus, vendor, product }) => bus === 0 && vendor === GPEX_ROOT.vendor && product === GPEX_ROOT.product,
  );
  return isGpex ? GPEX_ECAM : Q35_ECAM;
}
