/** `provoke=` on the kernel command line: each machine has exactly the mistake that it says, hangs or dies of it as it should, and still ends. */
import { afterAll, describe, expect, it } from 'vitest';
import type { DriverRegistry, Profile } from '../../app/contract/index.ts';
import { expectOk, Lab, type TestMachine } from '../support/lab.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

type Driver = DriverRegistry['devices'][number];

const ANNOUNCED = /ring0: \*\*\* MISTAKE ON PURPOSE/;

async function bootWith(provoke: string, kind: Profile['block'] = 'modern'): Promise<TestMachine> {
  const direct = expectOk(await lab.host.profiles.load('direct'));
  const machine = await lab.start({
    profile: { ...direct, name: 'mistake', block: kind, network: kind },
    append: `provoke=${provoke}`,
  });
  await machine.waitForSerial(ANNOUNCED);
  return machine;
}

/** The registry's entry of a driver, once the driver has published a buffer. */
async function driverAtWork(machine: TestMachine, name: string): Promise<Driver> {
  for (;;) {
    const found = await lab.host.inspect.drivers({ machine: machine.machine.info });
    const driver = found.ok ? found.value.devices.find((device) => device.name === name) : undefined;
    if (driver?.queues[0] !== undefined && driver.queues[0].nextAvail > 0) return driver;
    if (machine.machine.state.phase !== 'running') throw new Error(`the machine is ${machine.machine.state.phase}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a driver that makes a mistake', () => {
  it.each([
    { provoke: 'virtq-size:16', kind: 'transitional', queue: { size: 16, deviceSize: 256 }, kicks: true },
    { provoke: 'virtq-size:64', kind: 'transitional', queue: { size: 64, deviceSize: 256 }, kicks: true },
    { provoke: 'virtq-no-kick', kind: 'modern', queue: { size: 256, notifications: 0 }, kicks: false },
    { provoke: 'virtq-no-kick', kind: 'transitional', queue: { size: 256, notifications: 0 }, kicks: false },
    { provoke: 'virtq-virtual-address', kind: 'modern', queue: { size: 256 }, kicks: true },
    { provoke: 'virtq-no-irq', kind: 'modern', queue: { size: 256, vector: 0x43 }, kicks: true },
    { provoke: 'virtq-no-bus-master', kind: 'modern', queue: { size: 256 }, kicks: true },
  ] as const)('$provoke on a $kind disk: the model load hangs', async ({ provoke, kind, queue, kicks }) => {
    const machine = await bootWith(provoke, kind);
    const driver = await driverAtWork(machine, 'virtio-blk0');
    expect(driver.transport).toBe(provoke.startsWith('virtq-size') ? 'pci-legacy' : 'pci-modern');
    expect(driver.queues[0]).toMatchObject(queue);
    const address = BigInt(driver.queues[0]?.descGpa ?? 0);
    // The driver's own idea of where its queue lies: beyond all RAM where it gave the virtual address.
    expect(address >> 40n !== 0n).toBe(provoke === 'virtq-virtual-address');
    if (kicks) await untilNotified(machine);
    // The rest of the machine is whole: it shows its registers, and spins in ring 0.
    expect(expectOk(await machine.machine.registers())).toContain('HLT=0');
    // QEMU looks at every queue when the driver is ready and after a pause: that cures one request of a missing kick, no more.
    if (kicks) {
      expectOk(await machine.machine.pause());
      expectOk(await machine.machine.resume());
    }
    const later = await driverAtWork(machine, 'virtio-blk0');
    expect(later.queues[0]?.completed).toBeLessThanOrEqual(kicks ? 0 : 1);
    expect(later.queues[0]?.nextAvail).toBeGreaterThan(later.queues[0]?.lastUsed ?? 0);
    expect(machine.serial()).not.toMatch(/PANIC|EXCEPTION|shell ready|no mistake after all/);
    expect(machine.machine.state.phase).toBe('running');
    expect(await machine.stop()).toBe(true);
  });

  it('of the network card leaves a shell without an address', async () => {
    const machine = await bootWith('virtq-no-kick@net');
    await machine.waitForSerial(/ring0> $/);
    expect(await machine.shell('ai -n 4 Hello')).not.toBe('');
    const driver = await driverAtWork(machine, 'virtio-net0');
    expect(driver.queues[0]).toMatchObject({ notifications: 0, completed: 0 });
    expect(machine.serial()).not.toContain('serving http');
    expect(await machine.stop()).toBe(true);
  });

  it('of the size is none where the driver sets it, and the kernel says so', async () => {
    const machine = await bootWith('virtq-size:16', 'modern');
    await machine.waitForSerial(/no mistake after all: over virtio 1\.x the driver sets the queue's size/);
    await machine.waitForSerial(/serving http/);
    expect(await machine.stop()).toBe(true);
  });

  it('that is unknown is refused with the names of all', async () => {
    const machine = await lab.boot({ append: 'provoke=virtq-size:17' });
    expect(machine.serial()).toMatch(/'provoke=virtq-size:17' ignored: known are .*virtq-size:N.*page-w-and-x/);
    expect(await machine.stop()).toBe(true);
  });

  async function untilNotified(machine: TestMachine) {
    while (((await driverAtWork(machine, 'virtio-blk0')).queues[0]?.notifications ?? 0) === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});

describe('a table with a mistake', () => {
  it('ends too early, and nothing needs what is cut off', async () => {
    const machine = await bootWith('gdt-short-limit');
    await machine.waitForSerial(/serving http/);
    expect(expectOk(await machine.machine.registers())).toMatch(/^GDT= +[0-9a-f]{16} 0000001f$/m);
    expect(await machine.stop()).toBe(true);
  });

  it.each([
    { provoke: 'idt-bad-selector', place: /\*\*\* IDT entry at 0x([0-9a-f]+)/ },
    { provoke: 'ist-at-stack-start', place: /\*\*\* IST1 = 0x([0-9a-f]+)/ },
    { provoke: 'page-w-and-x', place: /\*\*\* page at 0x([0-9a-f]+)/ },
  ])('$provoke: the kernel lives, serves, and says where it is', async ({ provoke, place }) => {
    const machine = await bootWith(provoke);
    await machine.waitForSerial(/serving http/);
    await machine.waitForSerial(place);
    await machine.waitForSerial(/ring0> $/);
    expect(await machine.shell('dmesg')).toMatch(ANNOUNCED);
    const { status } = await machine.request('/health');
    expect(status).toBe(200);
    expect(await machine.stop()).toBe(true);
  });

  it('pat-one-core: what the kernel changed after bring-up is shown with the time, and as a difference between cores', async () => {
    const machine = await lab.boot({ profile: 'smp4', append: 'provoke=pat-one-core' });
    await machine.waitForSerial(/\*\*\* PAT = 0x7010600070406\n/);
    const view = expectOk(await lab.host.inspect.cpu({ machine: machine.machine.info }));
    const usual = '0x7040600070406';
    expect(view.differences).toEqual([
      {
        name: 'pat',
        values: [0, 1, 2, 3].map((processor) => ({ processor, value: processor === 0 ? '0x7010600070406' : usual })),
      },
    ]);
    const [first, second] = view.msrs?.processors ?? [];
    const pat = (it: typeof first) => it?.registers.find(({ name }) => name === 'pat');
    expect(pat(first)).toMatchObject({ from: 'kernel', written: { value: '0x7010600070406', changes: 1 } });
    expect(pat(second)).toMatchObject({ from: 'kernel', says: 'as after reset', written: { changes: 0 } });
    expect(pat(first)?.bits[5]).toMatchObject({ name: 'PA5', value: '0x1', says: 'WC, write-combining' });
    expect(pat(first)?.written?.readMs).toBeGreaterThan(second?.readMs ?? Number.NaN);
    // Every other value of that core is still of its bring-up.
    const others = first?.registers.filter(({ name, written }) => name !== 'pat' && (written?.changes ?? 0) > 0);
    expect(others).toEqual([]);
    expect(await machine.stop()).toBe(true);
  });

  it('a gate with a data selector turns a breakpoint into #GP', async () => {
    const machine = await bootWith('idt-bad-selector');
    await machine.waitForSerial(/ring0> $/);
    machine.machine.writeSerial(Buffer.from('panic bp\r'));
    const state = await machine.end();
    expect(state).toMatchObject({
      phase: 'crashed',
      crash: { kind: 'exception', epitaph: { cause: 'exception', vector: 13 } },
    });
    expect(machine.serial()).toMatch(/EXCEPTION 13 #GP general protection, error 0x10/);
    expect(await machine.stop()).toBe(true);
  });

  it.each([
    {
      ...{ provoke: 'gdt-stale-ss', error: '0x30', rule: 'returned-to-bad-segment' },
      evidence: /popped SS 0x30 from .*the descriptor ends at 0x37, within GDTR.limit 0x27/,
    },
    { provoke: 'tss-busy', error: '0x18', rule: 'ltr-refused', evidence: /of selector 0x18, .*it is TSS64 busy/ },
  ])(
    '$provoke: #GP with the selector, and the tables of the dead machine tell why',
    async ({ provoke, error, rule, evidence }) => {
      const machine = await bootWith(provoke);
      const state = await machine.end();
      expect(state).toMatchObject({ phase: 'crashed', crash: { kind: 'exception' } });
      expect(machine.serial()).toContain(`EXCEPTION 13 #GP general protection, error ${error}`);
      const { findings } = expectOk(await lab.host.inspect.tables({ machine: machine.machine.info }, 0));
      expect(findings.filter(({ severity }) => severity !== 'note')).toMatchObject([
        { rule, severity: 'error', evidence: expect.stringMatching(evidence) },
      ]);
      expect(await machine.stop()).toBe(true);
    },
  );
});
