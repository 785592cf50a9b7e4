import type { BufferOwner, VirtioQueue } from '../../../app/contract/inspect/virtio.ts';
import { slotOf } from '../../../app/virtio/split-ring.ts';

/**
 * Three rings on a canvas: outside the avail ring, in the middle the descriptor table, inside the used ring. An owner is told by place
 * as well as by colour: what is published leans outwards to the avail ring, what is in flight fills the band, what is returned leans
 * inwards to the used ring, and what is free is a thin line.
 */
export interface Colours {
  readonly owner: Readonly<Record<BufferOwner, string>>;
  readonly text: string;
  readonly strong: string;
  readonly muted: string;
  readonly line: string;
  readonly band: string;
  readonly accent: string;
}

export interface Geometry {
  readonly centre: number;
  readonly avail: readonly [inner: number, outer: number];
  readonly table: readonly [inner: number, outer: number];
  readonly used: readonly [inner: number, outer: number];
}

export function geometryOf(size: number): Geometry {
  const r = size / 2;
  return { centre: r, avail: [r * 0.72, r * 0.795], table: [r * 0.49, r * 0.655], used: [r * 0.335, r * 0.41] };
}

const TOP = -Math.PI / 2;
const angleOf = (slot: number, size: number) => TOP + (slot / size) * 2 * Math.PI;

/** What lies under a point: a slot of a ring. */
export function hit(
  queue: VirtioQueue,
  size: number,
  x: number,
  y: number,
): { readonly ring: 'avail' | 'table' | 'used'; readonly slot: number } | null {
  const { centre, avail, table, used } = geometryOf(size);
  const [dx, dy] = [x - centre, y - centre];
  const radius = Math.hypot(dx, dy);
  const turn = (Math.atan2(dy, dx) - TOP + 4 * Math.PI) % (2 * Math.PI);
  const slot = Math.min(queue.size - 1, Math.floor((turn / (2 * Math.PI)) * queue.size));
  const within = ([inner, outer]: readonly [number, number]) => radius >= inner - 4 && radius <= outer + 4;
  if (within(avail)) return { ring: 'avail', slot };
  if (within(table)) return { ring: 'table', slot };
  if (within(used)) return { ring: 'used', slot };
  return null;
}

export function drawRings(
  context: CanvasRenderingContext2D,
  size: number,
  queue: VirtioQueue,
  colours: Colours,
  selected: number | null,
): void {
  const geometry = geometryOf(size);
  const { centre } = geometry;
  context.clearRect(0, 0, size, size);
  context.save();
  context.translate(centre, centre);
  if (queue.layout === 'split') {
    band(context, geometry.avail, colours);
    band(context, geometry.used, colours);
    drawSlots(context, queue, geometry, colours);
  }
  band(context, geometry.table, colours);
  drawTable(context, queue, geometry, colours, selected);
  drawChains(context, queue, geometry, colours, selected);
  drawScale(context, queue, geometry, colours);
  drawPointers(context, queue, geometry, colours);
  drawCentre(context, queue, geometry, colours);
  context.restore();
}

function band(
  context: CanvasRenderingContext2D,
  [inner, outer]: readonly [number, number],
  { band: fill, line }: Colours,
) {
  context.beginPath();
  context.arc(0, 0, outer, 0, 2 * Math.PI);
  context.arc(0, 0, inner, 2 * Math.PI, 0, true);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = line;
  for (const radius of [inner, outer]) {
    context.beginPath();
    context.arc(0, 0, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** One slot or a run of them; a gap between slots where there is room for it. */
function sector(
  context: CanvasRenderingContext2D,
  from: number,
  count: number,
  size: number,
  inner: number,
  outer: number,
): void {
  const gap = size > 256 ? 0 : Math.min(0.012, (Math.PI / size) * 0.25);
  const start = angleOf(from, size) + gap;
  const end = angleOf(from + count, size) - gap;
  context.beginPath();
  context.arc(0, 0, outer, start, end);
  context.arc(0, 0, inner, end, start, true);
  context.closePath();
  context.fill();
}

/** Heads in the avail ring that wait (L to A), elements of the used ring that wait (S to U); the rest are faint. */
function drawSlots(context: CanvasRenderingContext2D, queue: VirtioQueue, { avail, used }: Geometry, colours: Colours) {
  const { size } = queue;
  const span = (ring: readonly [number, number], from: number, to: number, colour: string) => {
    context.fillStyle = colour;
    const count = Math.min(size, (to - from) & 0xffff);
    for (let n = 0; n < count; n++)
      sector(context, slotOf((from + n) & 0xffff, size), 1, size, ring[0] + 2, ring[1] - 2);
  };
  const lastAvail = queue.device?.lastAvail ?? null;
  if (queue.avail !== null && lastAvail !== null) span(avail, lastAvail, queue.avail.index, colours.owner.published);
  const lastUsed = queue.driver?.lastUsed ?? null;
  if (queue.used !== null && lastUsed !== null) span(used, lastUsed, queue.used.index, colours.owner.returned);
  // What is in flight has left the avail ring and is not in the used ring yet: the slots between U and L, in outline.
  if (queue.used !== null && lastAvail !== null) {
    const count = Math.min(size, (lastAvail - queue.used.index) & 0xffff);
    context.fillStyle = colours.owner['in-flight'];
    for (let n = 0; n < count; n++)
      sector(
        context,
        slotOf((queue.used.index + n) & 0xffff, size),
        1,
        size,
        avail[0] + 2,
        avail[0] + (avail[1] - avail[0]) * 0.4,
      );
  }
}

function drawTable(
  context: CanvasRenderingContext2D,
  { descriptors, size }: VirtioQueue,
  { table: [inner, outer] }: Geometry,
  { owner: colour, strong }: Colours,
  selected: number | null,
) {
  const height = outer - inner;
  const place: Readonly<Record<BufferOwner, readonly [number, number]>> = {
    free: [0.47, 0.53],
    published: [0.36, 0.97],
    'in-flight': [0.03, 0.97],
    returned: [0.03, 0.64],
  };
  for (const it of descriptors) {
    const [low, high] = place[it.owner];
    context.fillStyle = colour[it.owner];
    sector(context, it.index, 1, size, inner + height * low, inner + height * high);
  }
  if (selected === null) return;
  context.fillStyle = strong;
  for (const it of descriptors) if (it.chain === selected) sector(context, it.index, 1, size, outer + 1, outer + 4);
}

/** More chains than this are not drawn as lines: they would be a blot. */
const MAX_LINES = 96;

/** From the slot of the avail ring to the head, along the chain, and to the slot of the used ring. */
function drawChains(
  context: CanvasRenderingContext2D,
  queue: VirtioQueue,
  { avail, table, used }: Geometry,
  colours: Colours,
  selected: number | null,
) {
  const { size, chains } = queue;
  const at = (radius: number, slot: number) => {
    const angle = angleOf(slot + 0.5, size);
    return [radius * Math.cos(angle), radius * Math.sin(angle)] as const;
  };
  const curve = (from: readonly [number, number], to: readonly [number, number], pull: number) => {
    context.beginPath();
    context.moveTo(...from);
    const middle = [((from[0] + to[0]) / 2) * pull, ((from[1] + to[1]) / 2) * pull] as const;
    context.quadraticCurveTo(...middle, ...to);
    context.stroke();
  };
  const slots = new Map<number, number>();
  const first = queue.device?.lastAvail ?? queue.used?.index ?? 0;
  const last = queue.avail?.index ?? first;
  // Heads of the last lap: where each chain stands in the avail ring.
  for (let n = 0, position = last; n < size; n++) {
    position = (position - 1) & 0xffff;
    const head = queue.availRing[slotOf(position, size)];
    if (head !== undefined && !slots.has(head)) slots.set(head, slotOf(position, size));
  }
  for (const chain of [...chains]
    .sort((a, b) => Number(a.head === selected) - Number(b.head === selected))
    .slice(-MAX_LINES)) {
    const isSelected = chain.head === selected;
    if (!isSelected && chain.descriptors.length < 2 && chains.length > 24) continue;
    context.strokeStyle = colours.owner[chain.owner];
    context.globalAlpha = isSelected ? 1 : selected === null ? 0.55 : 0.22;
    context.lineWidth = isSelected ? 2.5 : 1;
    const slot = slots.get(chain.head);
    if (slot !== undefined && chain.owner !== 'returned') curve(at(avail[0], slot), at(table[1], chain.head), 0.97);
    for (let n = 1; n < chain.descriptors.length; n++)
      curve(at(table[0], chain.descriptors[n - 1] ?? 0), at(table[0], chain.descriptors[n] ?? 0), 0.86);
    if (chain.owner === 'returned') {
      const place = queue.usedRing.findIndex((it) => it.id === chain.head);
      if (place >= 0) curve(at(table[0], chain.head), at(used[1], place), 0.97);
    }
  }
  context.globalAlpha = 1;
}

/** Numbers around the rings, sixteen of them or fewer. */
function drawScale(
  context: CanvasRenderingContext2D,
  { size, avail: index }: VirtioQueue,
  { avail, centre }: Geometry,
  { muted, line }: Colours,
) {
  const stride = size <= 16 ? 1 : size / 16;
  context.fillStyle = muted;
  context.strokeStyle = line;
  context.font = `${Math.max(10, Math.round(centre / 26))}px ui-monospace, "DejaVu Sans Mono", monospace`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const marked = index === null ? null : slotOf(index.index, size);
  for (let slot = 0; slot < size; slot += stride) {
    // The number makes room for the pointer of A.
    const apart = marked === null ? size : Math.abs(slot - marked);
    if (Math.min(apart, size - apart) < size / 28) continue;
    const angle = angleOf(slot + 0.5, size);
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    context.beginPath();
    context.moveTo(x * (avail[1] + 1), y * (avail[1] + 1));
    context.lineTo(x * (avail[1] + 5), y * (avail[1] + 5));
    context.stroke();
    context.fillText(String(Math.floor(slot)), x * (avail[1] + 15), y * (avail[1] + 13));
  }
}

/** Where the four indices stand: A and L on the avail ring, U and S on the used ring. */
function drawPointers(
  context: CanvasRenderingContext2D,
  queue: VirtioQueue,
  { avail, used, centre }: Geometry,
  colours: Colours,
) {
  const { size } = queue;
  const pointer = (
    name: string,
    position: number | null | undefined,
    radius: number,
    outward: boolean,
    colour: string,
  ) => {
    if (position == null) return;
    const angle = angleOf(slotOf(position, size), size);
    const unit = Math.max(7, centre / 34);
    const direction = outward ? 1 : -1;
    context.save();
    context.rotate(angle);
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(radius, 0);
    context.lineTo(radius + direction * unit * 1.3, -unit * 0.7);
    context.lineTo(radius + direction * unit * 1.3, unit * 0.7);
    context.closePath();
    context.fill();
    context.translate(radius + direction * unit * 2.3, 0);
    context.rotate(-angle);
    context.font = `600 ${Math.max(11, Math.round(centre / 22))}px ui-monospace, "DejaVu Sans Mono", monospace`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(name, 0, 0);
    context.restore();
  };
  if (queue.layout === 'packed') {
    pointer('L', queue.device?.lastAvail, avail[1] - 22, true, colours.owner.published);
    pointer('U', queue.device?.used, used[1] + 14, false, colours.owner.returned);
    return;
  }
  const same = queue.avail?.index === queue.device?.lastAvail;
  const sameUsed = queue.used?.index === queue.driver?.lastUsed;
  // The two of a ring stand on different sides of it, so that they can be read when they meet.
  pointer(same ? 'A L' : 'A', queue.avail?.index, avail[1] + 1, true, colours.owner.published);
  if (!same) pointer('L', queue.device?.lastAvail, avail[0], false, colours.owner['in-flight']);
  pointer(sameUsed ? 'U S' : 'U', queue.used?.index, used[0], false, colours.owner.returned);
  if (!sameUsed) pointer('S', queue.driver?.lastUsed, used[1], true, colours.strong);
}

function drawCentre(context: CanvasRenderingContext2D, queue: VirtioQueue, { centre }: Geometry, colours: Colours) {
  const { published, returned } = queue.counts;
  const out = queue.counts['in-flight'];
  const line = (text: string, y: number, size: number, colour: string, weight = 400) => {
    context.font = `${weight} ${Math.round(size)}px system-ui, "DejaVu Sans", sans-serif`;
    context.fillStyle = colour;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(text, 0, y);
  };
  const unit = Math.max(10, centre / 16);
  line(`${published + out + returned}`, -unit * 0.35, unit * 1.7, colours.strong, 600);
  line('in use', unit * 0.95, unit * 0.8, colours.muted);
}
