/** Where each virtio device sits, from QEMU's `info qtree` (7.2). */
import type { VirtioDevice } from '../contract/inspect/virtio.ts';
import { type PciWay, placeText, type Slot } from '../pci/bridges.ts';
import { GPEX_ECAM } from '../pci/ecam.ts';
import { deviceId, type QemuDevice } from './qemu.ts';

export interface Seat {
  /** What QEMU calls it: `virtio-blk-pci`. */
  readonly type: string;
  readonly transport: VirtioDevice['transport'];
  /** `00:04.0`; of virtio-mmio the address of its registers. Empty behind bridges, whose numbers the guest gives: see `way`. */
  readonly location: string;
  /** From a root bus to it, through bridges; null of what has a location, and where the tree does not tell. */
  readonly way: PciWay | null;
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
  const generic = nodes.some(({ type }) => type === 'gpex-pcihost') ? GPEX_ECAM : null;
  const ecam = mmconfig === undefined ? generic : BigInt(`0x${mmconfig}`);
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
    const bus = /^\s*bus: (\S{1,64})\s*$/.exec(line);
    const registers = /^\s*mmio ([0-9a-f]{8,16})\//.exec(line);
    const node = nodes.at(-1);
    if (node === undefined) continue;
    if (property !== null) node.properties.set(property[1] ?? '', property[2] ?? '');
    if (bus !== null && depth > node.depth && !node.properties.has('bus')) node.properties.set('bus', bus[1] ?? '');
    if (registers !== null) node.properties.set('mmio', registers[1] ?? '');
  }
  return nodes;
}

function seatOf(node: Node, nodes: readonly Node[], ecam: bigint | null): Seat | undefined {
  const slot = slotOf(node);
  if (slot !== undefined) {
    const parent = parentOf(node, nodes);
    const legacy = node.properties.get('disable-legacy') ?? 'auto';
    const modern = node.properties.get('disable-modern') !== 'true';
    // "auto" means: no legacy interface on a PCI Express bus that is not the root (hw/virtio/virtio-pci.c).
    const transitional = legacy === 'off' || (legacy === 'auto' && !EXPRESS_PORTS.test(parent?.type ?? ''));
    const transport = !modern ? 'pci-legacy' : transitional ? 'pci-transitional' : 'pci-modern';
    const way = wayTo(node, slot, nodes);
    const isDirect = way?.bridges.length === 0;
    const location = isDirect ? placeText(way.rootBus, slot) : '';
    return { type: node.type, transport, location, way: isDirect ? null : way, ecam };
  }
  const registers = parentOf(node, nodes)?.properties.get('mmio');
  if (registers === undefined) return undefined;
  const location = `0x${registers.replace(/^0+(?=.)/, '')}`;
  return { type: node.type, transport: 'mmio', location, way: null, ecam: null };
}

/** Ports whose other side is PCI Express. */
const EXPRESS_PORTS = /^(pcie-root-port|ioh3420|xio3130-downstream)/;

function slotOf({ properties }: Node): Slot | undefined {
  const slot = /^([01][0-9a-f])\.([0-7])$/.exec(properties.get('addr') ?? '');
  return slot === null ? undefined : { device: Number.parseInt(slot[1] ?? '0', 16), function: Number(slot[2]) };
}

/** The nearest device above that is less indented. */
function parentOf(node: Node, nodes: readonly Node[]): Node | undefined {
  return nodes.slice(0, nodes.indexOf(node)).findLast((it) => it.depth < node.depth);
}

/** Buses below each other: PCI has 256. */
const MAX_BRIDGES = 256;

/** Through which bridges a host bridge reaches a device. The number behind a bridge is what the guest gave it, which qtree does not tell. */
function wayTo(node: Node, slot: Slot, nodes: readonly Node[]): PciWay | null {
  const bridges: Slot[] = [];
  for (let at = parentOf(node, nodes); at !== undefined && bridges.length < MAX_BRIDGES; at = parentOf(at, nodes)) {
    const rootBus = rootBusOf(at, nodes);
    if (rootBus !== undefined) return { rootBus, bridges: bridges.toReversed(), slot };
    const own = slotOf(at);
    if (own === undefined) return null;
    bridges.push(own);
  }
  return null;
}

/** The number of a host bridge's bus: 0, or that of an expander (`pxb`, `pxb-pcie`), whose bus has its name. */
function rootBusOf({ type, properties }: Node, nodes: readonly Node[]): number | undefined {
  if (/pcihost/.test(type)) return 0;
  if (type !== 'pxb-host') return undefined;
  const expander = nodes.find((it) => /^pxb(-pcie)?$/.test(it.type) && it.id === properties.get('bus'));
  const number = /^(\d{1,3}) /.exec(expander?.properties.get('bus_nr') ?? '')?.[1];
  return number === undefined ? undefined : Number(number) & 0xff;
}
