/** All panes as they look at a machine thirty times a second, without a page: the service's work and QEMU's, not the drawing. */
import type { InspectService, InspectSource, VirtioReport } from '../../app/contract/index.ts';
import { unwrap } from './failure.ts';

export const LOOKS_A_SECOND = 30;
/** What the memory pane shows at once. */
const MEMORY_BYTES = 4096;

type Ask<T = unknown> = (inspect: InspectService, source: InspectSource, stack: bigint) => Promise<T>;

/** What each pane asks at each look. The virtio pane is not here: it follows a stream. */
export const PANES: { readonly cpu: Ask; readonly 'gdt, idt, tss': Ask; readonly [name: string]: Ask } = {
  cpu: async (inspect, source) => unwrap(await inspect.cpu(source)),
  'gdt, idt, tss': async (inspect, source) => unwrap(await inspect.tables(source, 0)),
  paging: async (inspect, source) => unwrap(await inspect.addressSpace(source, { processor: 0, cr3: null })),
  walk: async (inspect, source, stack) => unwrap(await inspect.walk(source, { processor: 0, cr3: null }, stack)),
  memory: async (inspect, source, stack) =>
    unwrap(await inspect.memory(source, { space: 'virtual', processor: 0, address: stack }, MEMORY_BYTES)),
  irq: async (inspect, source) => unwrap(await inspect.irq(source)),
};

/** The queues alone, as the snapshot has them; with everything else this is a full snapshot. */
export const SNAPSHOT: { readonly [name in 'cpu' | 'gdt, idt, tss']: Ask } & { readonly queues: Ask<VirtioReport> } = {
  cpu: PANES.cpu,
  'gdt, idt, tss': PANES['gdt, idt, tss'],
  queues: async (inspect, source) => unwrap(await inspect.virtio(source, { apartMs: 0, hints: [], ringsOnly: true })),
};

/** Where the first processor's stack is: memory that changes while one looks. */
export async function stackOf(inspect: InspectService, source: InspectSource): Promise<bigint> {
  const { processors } = unwrap(await inspect.cpu(source));
  const rsp = processors[0]?.general.find(({ name }) => name === 'rsp')?.value ?? '0x0';
  return BigInt(rsp) & ~0xfffn;
}

export interface Looked {
  /** Looks of all panes, and messages of the rings' stream. */
  readonly looks: number;
  readonly ringMessages: number;
  readonly ms: number;
}

/** Opens every pane; what is returned closes them and says how often they have looked. */
export function openPanes(inspect: InspectService, source: InspectSource, stack: bigint): () => Promise<Looked> {
  const controller = new AbortController();
  const { signal } = controller;
  const from = performance.now();
  let looks = 0;
  let ringMessages = 0;
  const looking = (async () => {
    const turn = 1000 / LOOKS_A_SECOND;
    // A look that is late is not made up for, and the next one comes at its own time.
    for (let next = from; !signal.aborted; next += turn * Math.max(1, Math.ceil((performance.now() - next) / turn))) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
      if (signal.aborted) return;
      await Promise.all(Object.values(PANES).map((ask) => ask(inspect, source, stack)));
      looks += 1;
    }
  })();
  const following = (async () => {
    for await (const _message of inspect.virtioFollow(source, 0, signal)) ringMessages += 1;
  })();
  return async () => {
    controller.abort();
    const ms = performance.now() - from;
    await Promise.all([looking, following]);
    return { looks, ringMessages, ms };
  };
}
