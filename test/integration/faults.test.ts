/** Every fault that the shell can provoke leaves an epitaph that the studio can read, and no QEMU. */
import { afterAll, expect, it } from 'vitest';
import { Lab } from '../support/lab.ts';

const lab = new Lab();
afterAll(() => lab.dispose());

it('tells of every fault what it was and where', async () => {
  const first = await lab.boot();
  const kinds = /one of: (.+)/.exec(await first.shell('panic'))?.[1]?.split(' ') ?? [];
  expect(await first.stop()).toBe(true);
  expect(kinds.length).toBeGreaterThan(3);

  for (const kind of kinds) {
    const machine = await lab.boot();
    machine.machine.writeSerial(Buffer.from(`panic ${kind}\r`));
    const state = await machine.end();
    expect(state, kind).toMatchObject({ phase: 'crashed' });
    if (state.phase !== 'crashed') continue;
    const { crash } = state;
    expect(crash.summary, kind).not.toBe('');
    if (crash.kind === 'triple-fault') {
      // Nothing ran in the guest that could have written an epitaph; QEMU's own log is what there is.
      expect(crash.interruptLog.length, kind).toBeGreaterThan(0);
    } else {
      expect(crash.kind, kind).toMatch(/panic|exception/);
      expect(crash.epitaph, kind).toMatchObject({ state: 'written', problems: [] });
      expect(crash.epitaph?.message, kind).not.toBe('');
      expect(crash.epitaph?.frames.length, kind).toBeGreaterThan(0);
      expect(
        crash.epitaph?.frames.some((frame) => frame.symbol !== null),
        kind,
      ).toBe(true);
      // A dead machine is kept, stopped, and can still be read.
      const read = await lab.host.inspect.epitaph({ machine: machine.machine.info });
      expect(read, kind).toMatchObject({ ok: true, value: { message: crash.epitaph?.message } });
      expect(machine.serial(), kind).toMatch(/^ring0: (PANIC|EXCEPTION)/m);
    }
    expect(await machine.stop(), kind).toBe(true);
  }
}, 300_000);
