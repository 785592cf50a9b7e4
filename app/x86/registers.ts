import { type BitTable, bit } from './bits.ts';

/** Control, status and debug registers bit by bit, by QEMU's names. */
export const REGISTER_BITS: Readonly<Record<string, BitTable>> = {
  cr0: {
    section: 'SDM Vol. 3A §2.5',
    fields: [
      bit('PE', 0, 'Protection enable: segment registers hold selectors of a descriptor table'),
      bit('MP', 1, 'Monitor coprocessor: WAIT raises #NM while TS is set'),
      bit('EM', 2, 'Emulation: there is no x87, and every SSE instruction raises #UD'),
      bit('TS', 3, 'Task switched: the next x87, SSE or AVX instruction raises #NM'),
      bit('ET', 4, 'Extension type: always 1'),
      bit('NE', 5, 'Numeric error: x87 errors raise #MF instead of an interrupt through the PIC'),
      bit('WP', 16, 'Write protect: ring 0 too may not write to read-only pages'),
      bit('AM', 18, 'Alignment mask: #AC in ring 3 where RFLAGS.AC is set too'),
      bit('NW', 29, 'Not write-through: must be 0 while CD is 0'),
      bit('CD', 30, 'Cache disable: memory is not cached'),
      bit('PG', 31, 'Paging: linear addresses are translated by the tables at CR3'),
    ],
  },
  cr3: {
    section: 'SDM Vol. 3A §2.5, §4.5.2',
    fields: [
      bit('PWT', 3, 'Page-level write-through of the root table; part of the PCID where CR4.PCIDE is set'),
      bit('PCD', 4, 'Page-level cache disable of the root table; part of the PCID where CR4.PCIDE is set'),
      bit('base', 12, 'Page frame of the root table: the physical address is this times 4096', 40),
    ],
  },
  cr4: {
    section: 'SDM Vol. 3A §2.5',
    fields: [
      bit('VME', 0, 'Virtual-8086 mode extensions'),
      bit('PVI', 1, 'Protected-mode virtual interrupts'),
      bit('TSD', 2, 'Time stamp disable: RDTSC raises #GP outside of ring 0'),
      bit('DE', 3, 'Debugging extensions: DR4 and DR5 raise #UD; breakpoints on I/O ports'),
      bit('PSE', 4, 'Page size extensions: 4 MiB pages in 32-bit paging; without effect in long mode'),
      bit('PAE', 5, 'Physical address extension: entries of 64 bits; long mode needs it'),
      bit('MCE', 6, 'Machine check enable: without it a machine check shuts the processor down'),
      bit('PGE', 7, 'Page global enable: entries with the G bit survive a load of CR3'),
      bit('PCE', 8, 'Performance counter enable: RDPMC in every ring'),
      bit('OSFXSR', 9, 'The system saves SSE state: without it every SSE instruction raises #UD'),
      bit('OSXMMEXCPT', 10, 'The system handles #XM: without it an unmasked SSE exception raises #UD'),
      bit('UMIP', 11, 'User-mode instruction prevention: SGDT, SIDT, SLDT, SMSW, STR raise #GP outside of ring 0'),
      bit('LA57', 12, '57-bit linear addresses: five levels of page tables'),
      bit('VMXE', 13, 'VMX enable'),
      bit('SMXE', 14, 'SMX enable: GETSEC'),
      bit('FSGSBASE', 16, 'RDFSBASE, WRGSBASE and the like in every ring'),
      bit('PCIDE', 17, 'Process-context identifiers: CR3 bits 11:0 tag the TLB'),
      bit('OSXSAVE', 18, 'XSAVE, XGETBV and XSETBV: without it AVX instructions raise #UD'),
      bit('KL', 19, 'Key locker'),
      bit('SMEP', 20, 'Supervisor-mode execution prevention: ring 0 does not execute user pages'),
      bit('SMAP', 21, 'Supervisor-mode access prevention: ring 0 touches user pages only while RFLAGS.AC is set'),
      bit('PKE', 22, 'Protection keys of user pages'),
      bit('CET', 23, 'Control-flow enforcement: shadow stacks and indirect branch tracking'),
      bit('PKS', 24, 'Protection keys of supervisor pages'),
      bit('UINTR', 25, 'User interrupts'),
    ],
  },
  efer: {
    section: 'SDM Vol. 3A §2.2.1; AMD APM Vol. 2 §3.1.7',
    fields: [
      bit('SCE', 0, 'SYSCALL and SYSRET: without it they raise #UD'),
      bit('LME', 8, 'Long mode enable: setting CR0.PG enters long mode'),
      bit('LMA', 10, 'Long mode active: set by the processor'),
      bit('NXE', 11, 'No-execute enable: without it bit 63 of an entry is reserved and raises #PF'),
      bit('SVME', 12, 'Secure virtual machine enable (AMD)'),
      bit('LMSLE', 13, 'Long mode segment limit enable (AMD)'),
      bit('FFXSR', 14, 'Fast FXSAVE and FXRSTOR (AMD)'),
      bit('TCE', 15, 'Translation cache extension (AMD)'),
    ],
  },
  xcr0: {
    section: 'SDM Vol. 3A §2.6',
    fields: [
      bit('x87', 0, 'x87 state; always 1'),
      bit('SSE', 1, 'XMM registers and MXCSR'),
      bit('AVX', 2, 'Upper halves of YMM registers: AVX instructions raise #UD without SSE and AVX'),
      bit('BNDREG', 3, 'MPX bounds'),
      bit('BNDCSR', 4, 'MPX configuration'),
      bit('opmask', 5, 'AVX-512 mask registers'),
      bit('ZMM_Hi256', 6, 'Upper halves of ZMM0 to ZMM15'),
      bit('Hi16_ZMM', 7, 'ZMM16 to ZMM31'),
      bit('PKRU', 9, 'Protection-key rights of user pages'),
      bit('TILECFG', 17, 'AMX tile configuration'),
      bit('TILEDATA', 18, 'AMX tile data'),
    ],
  },
  rfl: {
    section: 'SDM Vol. 1 §3.4.3; Vol. 3A §2.3',
    fields: [
      bit('CF', 0, 'Carry'),
      bit('1', 1, 'Always 1'),
      bit('PF', 2, 'Parity of the low byte is even'),
      bit('AF', 4, 'Carry out of bit 3'),
      bit('ZF', 6, 'Zero'),
      bit('SF', 7, 'Sign'),
      bit('TF', 8, 'Trap: #DB after each instruction'),
      bit('IF', 9, 'Interrupt enable: external interrupts are taken'),
      bit('DF', 10, 'Direction: string instructions go down; the ABI wants 0 at every call'),
      bit('OF', 11, 'Overflow'),
      bit('IOPL', 12, 'Least privileged ring that may do I/O and CLI', 2),
      bit('NT', 14, 'Nested task: IRET raises #GP in long mode'),
      bit('RF', 16, 'Resume: instruction breakpoints are ignored for one instruction'),
      bit('VM', 17, 'Virtual-8086 mode'),
      bit('AC', 18, 'Alignment check; in ring 0 with SMAP: user pages may be touched'),
      bit('VIF', 19, 'Virtual interrupt flag'),
      bit('VIP', 20, 'Virtual interrupt pending'),
      bit('ID', 21, 'CPUID exists'),
    ],
  },
  dr6: {
    section: 'SDM Vol. 3B §18.2.3',
    fields: [
      bit('B0', 0, 'The condition of breakpoint 0 was met'),
      bit('B1', 1, 'The condition of breakpoint 1 was met'),
      bit('B2', 2, 'The condition of breakpoint 2 was met'),
      bit('B3', 3, 'The condition of breakpoint 3 was met'),
      bit('1s', 4, 'Always ones', 7),
      bit('BLD', 11, '0: a bus lock raised #DB'),
      bit('BD', 13, 'The next instruction touches a debug register'),
      bit('BS', 14, 'Single step'),
      bit('BT', 15, 'Task switch'),
      bit('RTM', 16, '0: #DB in a transaction'),
      bit('1s', 17, 'Always ones', 15),
    ],
  },
  dr7: {
    section: 'SDM Vol. 3B §18.2.4',
    fields: [
      ...[0, 1, 2, 3].flatMap((n) => [
        bit(`L${n}`, 2 * n, `Breakpoint ${n} is on, for the present task`),
        bit(`G${n}`, 2 * n + 1, `Breakpoint ${n} is on, for every task`),
      ]),
      bit('LE', 8, 'Exact, local: without effect'),
      bit('GE', 9, 'Exact, global: without effect'),
      bit('1', 10, 'Always 1'),
      bit('RTM', 11, 'Debugging of transactions'),
      bit('GD', 13, 'Any access to a debug register raises #DB'),
      ...[0, 1, 2, 3].flatMap((n) => [
        bit(`RW${n}`, 16 + 4 * n, `Breakpoint ${n}: 0 execution, 1 writes, 2 I/O, 3 reads and writes`, 2),
        bit(`LEN${n}`, 18 + 4 * n, `Breakpoint ${n}: 0 one byte, 1 two, 3 four, 2 eight`, 2),
      ]),
    ],
  },
};

/** The tables' keys as people write them. */
export const REGISTER_TITLES: Readonly<Record<string, string>> = { rfl: 'RFLAGS', efer: 'EFER', xcr0: 'XCR0' };

export function registerTitle(name: string): string {
  return REGISTER_TITLES[name] ?? name.toUpperCase();
}

/** Bits of the tables above that are asked for by name. */
export const CR0 = masks('cr0', 'PE', 'EM', 'TS', 'WP', 'PG');
export const CR4 = masks('cr4', 'PSE', 'PAE', 'MCE', 'CET', 'OSFXSR', 'LA57', 'SMEP', 'SMAP');
export const EFER = masks('efer', 'SCE', 'LME', 'LMA', 'NXE');
export const RFLAGS = masks('rfl', 'IF', 'DF', 'NT', 'VM');

function masks<N extends string>(register: string, ...names: readonly N[]): Readonly<Record<N, bigint>> {
  const fields = REGISTER_BITS[register]?.fields ?? [];
  const maskOf = (name: N) => {
    const found = fields.find((it) => it.name === name);
    if (found === undefined) throw new Error(`${register} has no ${name}`);
    return 1n << BigInt(found.low);
  };
  return Object.fromEntries(names.map((name) => [name, maskOf(name)])) as Record<N, bigint>;
}
