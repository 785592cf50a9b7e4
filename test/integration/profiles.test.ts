/** Every profile that ships: it boots, its shell answers sanely, its API serves the oracle's words, its records make sense. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOk, isAlive, Lab, type TestMachine } from '../support/lab.ts';
import { needSharedFile, oracleText } from '../support/project.ts';

const PROFILES = [
  { profile: 'direct', cores: 1, source: 'pvh', pci: true },
  { profile: 'microvm', cores: 1, source: 'pvh', pci: false },
  { profile: 'uefi', cores: 1, source: 'uefi', pci: true },
  { profile: 'smp4', cores: 4, source: 'pvh', pci: true },
] as const;

const lab = new Lab();
afterAll(() => lab.dispose());

it('covers every profile that ships', async () => {
  const shipped = (await lab.host.profiles.list()).map((profile) => profile.name);
  expect(shipped.sort()).toEqual(PROFILES.map(({ profile }) => profile).sort());
});

const GREEDY = { prompt: 'Once upon a time', max_tokens: 64, temperature: 0 };

describe.each(PROFILES)('$profile', ({ profile, cores, source, pci }) => {
  let machine: TestMachine;
  beforeAll(async () => {
    machine = await lab.boot({ profile });
  });
  afterAll(async () => {
    if (machine !== undefined) expect(await machine.stop()).toBe(true);
  });

  it('reaches the shell before it serves, and says so', () => {
    const console = machine.serial();
    expect(console).toMatch(/^ring0: shell ready$/m);
    expect(console).toMatch(/^ring0: serving http on 10\.0\.2\.15:8080/m);
    expect(console).not.toMatch(/PANIC|EXCEPTION/);
  });

  it('writes the words of the oracle, Q8_0', async (context) => {
    needSharedFile(context, 'stories260K-q8_0.gguf');
    const { status, body } = await machine.request('/v1/completions', GREEDY);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      choices: [{ text: oracleText(context, 'stories260K-q8_0'), finish_reason: 'length' }],
    });
  });

  it('writes the words of the oracle, F32', async (context) => {
    const modelPath = needSharedFile(context, 'stories260K.gguf');
    const other = await lab.boot({ profile, modelPath });
    const { body } = await other.request('/v1/completions', GREEDY);
    expect(body).toMatchObject({ choices: [{ text: oracleText(context, 'stories260K'), finish_reason: 'length' }] });
    expect(await other.stop()).toBe(true);
  });

  it('names its processor, its model and its commands in the shell', async () => {
    expect(await machine.shell('help')).toContain('ai-bench');
    expect(await machine.shell('info')).toMatch(/ring0/i);
    expect(await machine.shell('cpuid')).toMatch(/TCG|KVM|Intel|AMD/);
    expect(await machine.shell('ip')).toContain('10.0.2.15');
    expect(await machine.shell('lsblk')).toMatch(/vda/);
    expect(await machine.shell('nonsense')).toMatch(/nonsense/);
  });

  it('reads its disks for a second at a rate, and tells how fast; a number that is none is refused', async () => {
    const text = await machine.shell('blk-bench 1 200');
    const [, reads] = /^vda +\S+ \w+\/s +(\d+) reads\/s of 64\.0 KiB$/m.exec(text) ?? [];
    // One more than the rate at most, and not none.
    expect(Number(reads)).toBeGreaterThan(0);
    expect(Number(reads)).toBeLessThanOrEqual(201);
    expect(await machine.shell('blk-bench 0')).toContain('1 to 3600 seconds');
    expect(await machine.shell('lsblk')).toMatch(/vda .* 0 errors/);
  });

  it('lists its PCI devices, where it has any', async () => {
    const text = await machine.shell('lspci');
    if (pci) expect(text).toMatch(/1af4:10(00|01|41|42)/i);
    else expect(text).not.toMatch(/1af4:/i);
  });

  it('leaves a boot report whose phases follow each other', async () => {
    const report = expectOk(await lab.host.inspect.boot({ machine: machine.machine.info }));
    expect(report).toMatchObject({ source, coresFound: cores, coresOnline: cores, problems: [] });
    const memoryMiB = report.memoryBytes / 2 ** 20;
    expect(memoryMiB).toBeGreaterThan(machine.machine.info.profile.memoryMiB * 0.9);
    expect(memoryMiB).toBeLessThanOrEqual(machine.machine.info.profile.memoryMiB);
    const starts = report.phases.map((phase) => BigInt(phase.startTsc));
    expect(starts).toEqual([...starts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    expect(report.phases.length).toBeGreaterThan(3);
    expect(report.firstTokenMs).toBeGreaterThan(0);
  });

  it('traces its tokens, each span within the model and on a core that exists', async () => {
    const trace = expectOk(await lab.host.inspect.trace({ machine: machine.machine.info }));
    expect(trace.problems).toEqual([]);
    expect(trace.spans.length).toBeGreaterThan(0);
    expect(trace.spans.filter((span) => span.core >= cores || BigInt(span.endTsc) < BigInt(span.startTsc))).toEqual([]);
    expect(new Set(trace.spans.map((span) => span.operation))).toContain('attention');
  });

  it('has its drivers in the registry, with the work that they did', async () => {
    const registry = expectOk(await lab.host.inspect.drivers({ machine: machine.machine.info }));
    expect(registry.problems).toEqual([]);
    expect(registry.devices.map((device) => device.deviceClass).sort()).toEqual(['block', 'network']);
    for (const device of registry.devices) {
      expect(device.transport).toBe(pci ? 'pci-modern' : 'mmio');
      expect(device.queues.some((queue) => queue.completed > 0)).toBe(true);
    }
  });

  it("has one way for its network card's interrupts, and none that is broken", async () => {
    const { routes } = expectOk(await lab.host.inspect.irq({ machine: machine.machine.info }));
    const card = routes.filter(({ device }) => device.startsWith('net0, '));
    expect(card.map(({ verdict, vector }) => [verdict, vector])).toEqual([['ok', expect.any(Number)]]);
    expect(routes.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  });

  it('is alive, with no epitaph', async () => {
    expect(expectOk(await lab.host.inspect.epitaph({ machine: machine.machine.info })).state).toBe('alive');
    expect(isAlive(machine.machine.info.qemuPid)).toBe(true);
  });
});
