/** Sections of Intel's SDM Vol. 3 that the sources cite are those of one edition: 325384-081US, September 2023. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');

/** By title, for who has another edition. */
const TITLES: Readonly<Record<string, string>> = {
  '2.2.1': 'Extended Feature Enable Register',
  '2.3': 'System Flags and Fields in the EFLAGS Register',
  '2.4.1': 'Global Descriptor Table Register (GDTR)',
  '2.4.2': 'Local Descriptor Table Register (LDTR)',
  '2.4.3': 'IDTR Interrupt Descriptor Table Register',
  '2.5': 'Control Registers',
  '2.6': 'Extended Control Registers (Including XCR0)',
  '3.4.2': 'Segment Selectors',
  '3.4.4': 'Segment Loading Instructions in IA-32e Mode',
  '3.4.5': 'Segment Descriptors',
  '3.5': 'System Descriptor Types',
  '3.5.1': 'Segment Descriptor Tables',
  '4.1.1': 'Four Paging Modes',
  '4.3': '32-Bit Paging',
  '4.4': 'PAE Paging',
  '4.5': '4-Level Paging and 5-Level Paging',
  '4.5.2': 'Use of CR3 with Ordinary 4-Level Paging and 5-Level Paging',
  '4.5.4': 'Linear-Address Translation with 4-Level Paging and 5-Level Paging',
  '4.6': 'Access Rights',
  '4.10.4.1': 'Operations that Invalidate TLBs and Paging-Structure Caches',
  '5.5': 'Privilege Levels',
  '5.6': 'Privilege Level Checking When Accessing Data Segments',
  '5.7': 'Privilege Level Checking When Loading the SS Register',
  '5.8': 'Privilege Level Checking When Transferring Program Control Between Code Segments',
  '5.8.1': 'Direct Calls or Jumps to Code Segments',
  '5.8.3': 'Call Gates',
  '5.8.3.1': 'IA-32e Mode Call Gates',
  '5.8.7': 'Performing Fast Calls to System Procedures with the SYSENTER and SYSEXIT Instructions',
  '5.8.8': 'Fast System Calls in 64-Bit Mode',
  '6.8.1': 'Masking Maskable Hardware Interrupts',
  '6.10': 'Interrupt Descriptor Table (IDT)',
  '6.11': 'IDT Descriptors',
  '6.12': 'Exception and Interrupt Handling',
  '6.12.1.2': 'Protection of Exception- and Interrupt-Handler Procedures',
  '6.13': 'Error Code',
  '6.14': 'Exception and Interrupt Handling in 64-bit Mode',
  '6.14.1': '64-Bit Mode IDT',
  '6.14.2': '64-Bit Mode Stack Frame',
  '6.14.3': 'IRET in IA-32e Mode',
  '6.14.4': 'Stack Switching in IA-32e Mode',
  '6.14.5': 'Interrupt Stack Table',
  '6.15': 'Exception and Interrupt Reference',
  '8.2': 'Task Management Data Structures',
  '8.2.2': 'TSS Descriptor',
  '8.2.3': 'TSS Descriptor in 64-bit mode',
  '8.2.5': 'Task-Gate Descriptor',
  '8.7': 'Task Management in 64-bit Mode',
  '9.4': 'Multiple-Processor (MP) Initialization',
  '9.4.4': 'MP Initialization Example',
  '10.6': 'Initializing SSE/SSE2/SSE3/SSSE3 Extensions',
  '10.8.5': 'Initializing IA-32e Mode',
  '11.4.4': 'Local APIC Status and Location',
  '11.5.1': 'Local Vector Table',
  '11.5.4.1': 'TSC-Deadline Mode',
  '11.8': 'Handling Interrupts',
  '11.8.4': 'Interrupt Acceptance for Fixed Interrupts',
  '11.8.5': 'Signaling Interrupt Servicing Completion',
  '11.11': 'Message Signalled Interrupts',
  '11.12.1': 'Detecting and Enabling x2APIC Mode',
  '12.11.1': 'MTRR Feature Identification',
  '12.11.2.1': 'IA32_MTRR_DEF_TYPE MSR',
  '12.11.2.3': 'Variable Range MTRRs',
  '12.11.3': 'Example Base and Mask Calculations',
  '12.11.8': 'MTRR Considerations in MP Systems',
  '12.12.2': 'IA32_PAT MSR',
  '12.12.4': 'Programming the PAT',
  '14.1': 'Providing Operating System Support for SSE Extensions',
  '18.2.3': 'Debug Status Register (DR6)',
  '18.2.4': 'Debug Control Register (DR7)',
  '18.17.2': 'IA32_TSC_AUX Register and RDTSCP Support',
  '18.17.3': 'Time-Stamp Counter Adjustment',
  '20.7.3': 'Determining the Processor Base Frequency',
};

/** Numbers of sections that a line cites from Vol. 3; another volume or book begins behind a semicolon. */
function cited(line: string): string[] {
  const parts = line.split(';').map((it) => it.split(/Vol\. 3[AB]?/i)[1] ?? '');
  return parts.flatMap((it) => it.match(/\d+(?:\.\d+)+/g) ?? []);
}

it('reads citations', () => {
  expect(cited("section: 'SDM Vol. 3A §3.4.5, §10.8.5; AMD APM Vol. 2 §6.1.1',")).toEqual(['3.4.5', '10.8.5']);
  expect(cited('(Intel SDM Vol. 3, section 11.5.4.1).')).toEqual(['11.5.4.1']);
});

it('every section of Vol. 3 is one of this edition', () => {
  const found = ['app', 'main', 'renderer', 'kernel'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(tsx?|rs)$/.test(name) && !/(^|[\\/])target[\\/]/.test(name))
      .flatMap((name) => {
        const lines = readFileSync(join(root, folder, name), 'utf8').split('\n');
        return lines.flatMap((line, n) =>
          cited(line).map((section) => ({ section, at: `${folder}/${name}:${n + 1}` })),
        );
      }),
  );
  expect(found.length).toBeGreaterThan(80);
  expect(found.filter(({ section }) => TITLES[section] === undefined)).toEqual([]);
});
