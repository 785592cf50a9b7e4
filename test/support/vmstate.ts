/** QEMU's own state of a machine, as it would send it to another QEMU: what its devices and processors hold, by the names of its source. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { QmpClient } from '../../main/services/machine/qmp-client.ts';
import { expectOk } from './lab.ts';

interface Field {
  readonly name: string;
  readonly size: number;
  /** Of an array whose elements are described once. */
  readonly array_len?: number;
  /** Of an element that is described by itself. */
  readonly index?: number;
}
interface Described {
  readonly vmsd_name: string;
  readonly fields?: readonly Field[];
  readonly subsections?: readonly Described[];
}
interface Device extends Described {
  readonly name: string;
  readonly instance_id: number;
}

const SECTION_FULL = 4;
const DESCRIPTION = 6;

/** The fields of one device: a number for each, or one for each element. */
export type DeviceState = ReadonlyMap<string, readonly bigint[]>;

/** Has the machine, which stands still from then on, write its state beside `folder`; RAM in shared files is left out. */
export async function deviceStates(
  qmp: QmpClient,
  folder: string,
): Promise<(name: string, instance: number) => DeviceState> {
  const path = join(folder, 'state');
  const capabilities = [{ capability: 'x-ignore-shared', state: true }];
  expectOk(await qmp.execute('migrate-set-capabilities', { capabilities } as never));
  expectOk(await qmp.execute('migrate', { uri: `exec:cat > ${path}` }));
  for (let status = ''; status !== 'completed'; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    ({ status } = expectOk(await qmp.execute('query-migrate')) as { status: string });
    if (status === 'failed' || status === 'cancelled') throw new Error(`QEMU does not write its state: ${status}`);
  }
  const bytes = readFileSync(path);
  rmSync(path);
  const { devices } = descriptionIn(bytes);
  return (name, instance) => {
    const device = devices.find((it) => it.name === name && it.instance_id === instance);
    if (device === undefined) throw new Error(`QEMU has no ${name} ${instance}`);
    const state = new Map<string, bigint[]>();
    readFields(bytes, sectionOf(bytes, name, instance), device, state);
    return state;
  };
}

/** The JSON text at the end says what lies where (docs/devel/migration.rst, scripts/analyze-migration.py). */
function descriptionIn(bytes: Buffer): { readonly devices: readonly Device[] } {
  for (let at = bytes.length - 5; at > 0; at--)
    if (bytes[at] === DESCRIPTION && bytes.readUInt32BE(at + 1) === bytes.length - at - 5)
      return JSON.parse(bytes.toString('utf8', at + 5));
  throw new Error('the state is not described');
}

/** Where a device's fields begin: after type, section's number, name, instance and version. */
function sectionOf(bytes: Buffer, name: string, instance: number): number {
  const wanted = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from([0, 0, 0, instance])]);
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1))
    if (bytes[at - 5] === SECTION_FULL) return at + wanted.length + 4;
  throw new Error(`there is no section of ${name} ${instance}`);
}

/** @returns where what follows begins */
function readFields(
  bytes: Buffer,
  start: number,
  { fields = [], subsections = [] }: Described,
  state: Map<string, bigint[]>,
): number {
  let at = start;
  for (const { name, size, array_len: count = 1 } of fields) {
    const values = state.get(name) ?? [];
    // Structures of words are read as their words.
    for (const end = at + size * count; at < end; ) {
      const word = Math.min(size, 8, end - at);
      values.push(BigInt(`0x${bytes.toString('hex', at, at + word)}`));
      at += word;
    }
    state.set(name, values);
  }
  // A type, the length of the name, the name, a version.
  for (const it of subsections) at = readFields(bytes, at + 6 + it.vmsd_name.length, it, state);
  return at;
}
