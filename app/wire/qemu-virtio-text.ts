/**
 * Virtio devices as QEMU's monitor prints them (`info virtio`, `info virtio-status`, `info virtio-queue-status`; hw/virtio/virtio-hmp-cmds.c,
 * held against 7.2), in the form of the QMP answers that they are made of (qapi/virtio.json). For where there is a monitor and no QMP.
 */

const MAX_NAMES = 256;
const MAX_DEVICES = 256;

/** As `x-query-virtio` answers. */
export function parseVirtioList(text: string): { readonly path: string; readonly name: string }[] {
  return [...text.matchAll(/^(\/\S{1,1000}) \[([\w-]{1,64})\]\s*$/gm)]
    .slice(0, MAX_DEVICES)
    .map(([, path = '', name = '']) => ({ path, name }));
}

/** As `x-query-virtio-status` answers; undefined if there is no such device. */
export function parseVirtioStatus(text: string): Readonly<Record<string, unknown>> | undefined {
  const field = fields(text);
  if (field('device_id') === undefined) return undefined;
  const section = (title: string) =>
    new RegExp(`^ {2}${title}:[ \\t]*\\r?\\n((?:(?:\\t| {2}unknown-| {4}).*\\r?\\n?)*)`, 'm').exec(text)?.[1] ?? '';
  const names = (body: string) =>
    [...body.matchAll(/^\s+([A-Z][A-Z0-9_]+:[^\r\n]{0,200}?),?\r?$/gm)]
      .slice(0, MAX_NAMES)
      .map(([, name = '']) => name);
  const features = (title: string) => {
    const body = section(title);
    return { transports: [], 'dev-features': names(body), 'unknown-dev-features': unknown(body, 'features') };
  };
  const status = section('status');
  return {
    name: field('device_name') ?? '',
    'device-id': number(field('device_id')),
    'num-vqs': number(field('num_vqs')),
    isr: number(field('isr')),
    broken: field('broken') === 'true',
    started: field('started') === 'true',
    'vm-running': field('vm_running') === 'true',
    status: { statuses: names(status), 'unknown-statuses': Number(unknown(status, 'statuses')) },
    'guest-features': features('Guest features'),
    'host-features': features('Host features'),
  };
}

/** As `x-query-virtio-queue-status` answers; undefined if there is no such queue. */
export function parseVirtioQueue(text: string): Readonly<Record<string, unknown>> | undefined {
  const field = fields(text);
  const address = (name: string) => {
    const digits = /^0x[0-9a-f]{1,16}$/i.exec(field(name) ?? '')?.[0];
    return digits === undefined ? undefined : BigInt(digits);
  };
  const [desc, avail, used] = [address('desc'), address('avail'), address('used')];
  if (desc === undefined || avail === undefined || used === undefined) return undefined;
  return {
    'queue-index': number(field('queue_index')),
    'vring-num': number(field('num')),
    ...{ 'vring-desc': desc, 'vring-avail': avail, 'vring-used': used },
    'last-avail-idx': number(field('last_avail_idx')),
    'shadow-avail-idx': number(field('shadow_avail_idx')),
    'used-idx': number(field('used_idx')),
    'signalled-used': number(field('signalled_used')),
    'signalled-used-valid': field('signalled_used_valid') === 'true',
    inuse: number(field('inuse')),
  };
}

/** `  num_vqs:                 3` */
function fields(text: string): (name: string) => string | undefined {
  const found = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/^ {2,4}(\w{1,40}):[ \t]{1,40}(\S{1,80})[ \t]*\r?$/gm))
    if (!found.has(name)) found.set(name, value);
  return (name) => found.get(name);
}

function number(text: string | undefined): number {
  return /^\d{1,10}$/.test(text ?? '') ? Number(text) : 0;
}

/** `  unknown-features(0x0000010000000000)` */
function unknown(body: string, what: string): bigint {
  const digits = new RegExp(`unknown-${what}\\((0x[0-9a-f]{1,16})\\)`, 'i').exec(body)?.[1];
  return digits === undefined ? 0n : BigInt(digits);
}
