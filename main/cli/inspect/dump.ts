import { resolve } from 'node:path';
import { plural } from '../../../app/base/plural.ts';
import { amountText } from '../amount.ts';
import { unwrap } from '../failure.ts';
import { sizeText } from './paging.ts';
import { defineSubject } from './subject.ts';

export const dump = defineSubject({
  name: 'dump',
  summary: "saves a machine's memory and state into a file; or says what a dump is",
  operands: '[FILE]',
  arity: [0, 1],
  description: `Writes an ELF core as QEMU's dump-guest-memory does, which gdb, crash and drgn open too, and beside it FILE.json
with what QEMU said of devices and interrupt controllers. The machine stands still meanwhile: for seconds
to minutes where memory comes through a gdb stub, some 30 MiB a second, until Ctrl-C. Every subject looks at it with
--dump FILE, at cores that others made as well; --dump FILE alone says what it is and what it lacks.`,
  options: {},
  examples: [
    ['ring0 inspect dump guest.elf', 'for later, or for somebody else'],
    ['ring0 inspect dump --dump guest.elf', 'what a dump is'],
  ],
  async look({ host, terminal, interrupts }, source, _values, [file]) {
    if ('dump' in source) {
      const info = unwrap(await host.inspect.describeDump(source.dump));
      return {
        value: info,
        text: () =>
          [
            `${info.path}: ${sizeText(BigInt(info.memoryBytes))} of memory, ${plural(info.processors, 'processor')}`,
            info.recorded
              ? `made by the studio ${new Date(info.madeAt ?? 0).toISOString()} of ${info.kernel ?? 'a kernel that nobody named'}`
              : 'a core without answers of QEMU beside it',
            ...info.lacks.map((it) => `  lacks: ${it}`),
          ].join('\n'),
      };
    }
    const name = 'machine' in source ? source.machine.id : 'guest';
    terminal.progress('writing memory');
    const written = unwrap(
      await host.inspect.dump(source, resolve(file ?? `${name}.elf`), {
        signal: interrupts.signal,
        onProgress: (progress) => terminal.progress(progress.message, amountText(progress)),
      }),
    );
    terminal.clearProgress();
    return {
      value: written,
      text: () =>
        [
          `${sizeText(BigInt(written.bytes))} written to ${written.path}, with ${written.recorded} answers of QEMU beside it`,
          ...written.lacks.map((it) => `  lacks: ${it}`),
        ].join('\n'),
    };
  },
});
