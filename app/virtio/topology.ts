/** Where each virtio device sits, from QEMU's `info qtree` (7.2). */
import type { VirtioDevice } from '../contract/inspect/virtio.ts';
import { deviceId, type QemuDevice } from './qemu.ts';

export interface Seat {
  /** What QEMU calls it: `virtio-blk-pci`. */
  readonly type: string;
  readonly transport: VirtioDevice['transport'];
  /** `00:04.0`; of virtio-mmio the address of its registers. */
  readonly location: string;
  /** Guest-physical address of all configuration spaces (PCI Express ECAM); null where the machine has none. */
  readonly ecam: bigint | null;
}

interface Node {
  readonly depth: number;
  readonly type: string;
  readonly id: string;
  readonly properties: Map<string, string>;
}

/** Lines of `info qtree` that are looked at. */
const MAX_LINES = 20_000;

/**
 * The seat of each device. A device without an id is matched by its type and place: `info qtree` lists the devices of a bus newest
 * first, `/machine/peripheral-anon/device[N]` counts them in order.
 */
export function parseSeats(qtree: string, devices: readonly QemuDevice[]): Map<string, Seat> {
  const seats = new Map<string, Seat>();
  const nodes = nodesOf(qtree);
  const mmconfig = nodes
    .map((it) => /\(0x([0-9a-f]+)\)/.exec(it.properties.get('MCFG') ?? '')?.[1])
    .find((it) => it !== undefined);
  const ecam = mmconfig === undefined ? null : BigInt(`0x${mmconfig}`);
  const taken = new Set<Node>();
  const ordered = [...devices].sort((a, b) => anonymousNumber(a.path) - anonymousNumber(b.path));
  const proxies = nodes.filter((it) => /^virtio-.*-(pci|device)(-|$)/.test(it.type)).reverse();
  for (const device of ordered) {
    const id = device.path.startsWith('/machine/peripheral/') ? deviceId(device) : '';
    const fits = ({ type, id: own }: Node) => (id === '' ? own === '' && isProxyOf(type, device) : own === id);
    const node = proxies.find((it) => !taken.has(it) && fits(it));
    if (node === undefined) continue;
    taken.add(node);
    const seat = seatOf(node, nodes, ecam);
    if (seat !== undefined) seats.set(device.path, seat);
  }
  return seats;
}

/** A device on virtio-mmio is itself the peripheral; one on PCI hides behind its proxy. */
function isProxyOf(type: string, { name, path }: QemuDevice): boolean {
  return path.endsWith('/virtio-backend') ? type.startsWith(`${name}-pci`) : type === `${name}-device`;
}

function anonymousNumber(path: string): number {
  return Number(/\/peripheral-anon\/device\[(\d+)\]/.exec(path)?.[1] ?? -1);
}

function nodesOf(qtree: string): Node[] {
  const nodes: Node[] = [];
  for (const line of qtree.split(/\r?\n/, MAX_LINES)) {
    const depth = line.search(/\S/);
    const head = /^\s*dev: ([^,\s]+), id "([^"]*)"/.exec(line);
    if (head !== null) nodes.push({ depth, type: head[1] ?? '', id: head[2] ?? '', properties: new Map() });
    const property = /^\s*([\w-]+) = "?([^"]*)"?\s*$/.exec(line);
    const registers = /^\s*mmio ([0-9a-f]{8,16})\//.exec(line);
    const node = nodes.at(-1);
    if (node === undefined) continue;
    if (property !== null) node.properties.set(property[1] ?? '', property[2] ?? '');
    if (registers !== null) node.properties.set('mmio', registers[1] ?? '');
  }
  return nodes;
}

function seatOf(node: Node, nodes: readonly Node[], ecam: bigint | null): Seat | undefined {
  const slot = /^([0-9a-f]{2})\.([0-7])$/.exec(node.properties.get('addr') ?? '');
  if (slot !== null) {
    const [device, part] = [Number.parseInt(slot[1] ?? '0', 16), Number(slot[2])];
    const legacy = node.properties.get('disable-legacy') ?? 'auto';
    const modern = node.properties.get('disable-modern') !== 'true';
    // "auto" means: no legacy interface on a PCI Express bus that is not the root (hw/virtio/virtio-pci.c).
    const transitional =
      legacy === 'off' || (legacy === 'auto' && !/^pcie-root-port|^ioh3420/.test(parentOf(node, nodes)?.type ?? ''));
    const bus = busOf(node, nodes);
    const transport = !modern ? 'pci-legacy' : transitional ? 'pci-transitional' : 'pci-modern';
    const hex = (value: number) => value.toString(16).padStart(2, '0');
    return {
      type: node.type,
      transport,
      location: bus === undefined ? '' : `${hex(bus)}:${hex(device)}.${part}`,
      ecam,
    };
  }
  const registers = parentOf(node, nodes)?.properties.get('mmio');
  if (registers === undefined) return undefined;
  return { type: node.type, transport: 'mmio', location: `0x${registers.replace(/^0+(?=.)/, '')}`, ecam: null };
}

/** The nearest device above that is less indented. */
function parentOf(node: Node, nodes: readonly Node[]): Node | undefined {
  return nodes.slice(0, nodes.indexOf(node)).findLast((it) => it.depth < node.depth);
}

/** Devices right below the host bridge are on bus 0. The number behind a bridge is what the guest gave it, which qtree does not tell. */
function busOf(node: Node, nodes: readonly Node[]): number | undefined {
  return /pcihost/.test(parentOf(node, nodes)?.type ?? '') ? 0 : undefined;
}
