import { describe, expect, it } from 'vitest';
import { decodeRegisters, includedFiles, parseLayout } from './gdb-registers.ts';
import {
  formatHex,
  formatPacket,
  isStopReply,
  MAX_PACKET_CHARACTERS,
  PacketReader,
  packetSize,
  parseHex,
  parseThreads,
} from './gdb-remote.ts';

describe('packets', () => {
  it('come out of a stream however it is cut, without acknowledgements and notifications', () => {
    const stream = `+${formatPacket('T02thread:01;')}+%Stop:T05#99${formatPacket('a}b#c*d$e')}${formatPacket('')}`;
    for (let size = 1; size <= stream.length; size++) {
      const reader = new PacketReader();
      const bodies: string[] = [];
      for (let at = 0; at < stream.length; at += size) bodies.push(...reader.push(stream.slice(at, at + size)));
      expect(bodies).toEqual(['T02thread:01;', 'a}b#c*d$e', '']);
    }
  });

  it('unfold runs, and refuse what unfolds without end or repeats nothing', () => {
    const raw = (body: string) => `$${body}#${sum(body)}`;
    expect(new PacketReader().push(raw('0* '))).toEqual(['0000']);
    expect(() => new PacketReader().push(raw('* '))).toThrow('a run of nothing');
    expect(() => new PacketReader().push(raw('0}'))).toThrow('ends in an escape');
    expect(() => new PacketReader().push(raw(`0${'*~'.repeat(10_000)}`))).toThrow('unfolds to more than');
  });

  it('of a wrong checksum, a refusal, other text and endless ones end the connection', () => {
    expect(() => new PacketReader().push('$OK#00')).toThrow('checksum');
    expect(() => new PacketReader().push('-')).toThrow('between packets');
    expect(() => new PacketReader().push('HTTP/1.1 400 Bad Request\r\n')).toThrow('between packets');
    expect(() => new PacketReader().push(`$${'0'.repeat(MAX_PACKET_CHARACTERS + 1)}`)).toThrow('more than');
  });

  it('of random bytes are read or refused, and never grow', () => {
    let seed = 7;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed >>> 8;
    };
    const alphabet = '$#%}*+0123456789abcdefOKT\u0000\u00ff';
    for (let run = 0; run < 3000; run++) {
      const text = Array.from({ length: random() % 80 }, () => alphabet[random() % alphabet.length]).join('');
      const reader = new PacketReader();
      try {
        for (const body of [...reader.push(text), ...reader.push(formatPacket(text))]) {
          expect(body.length).toBeLessThan(16_384);
          parseHex(body);
          parseThreads(body);
          packetSize(body);
          isStopReply(body);
          decodeRegisters(parseLayout([body, text]), text);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  });
});

function sum(text: string): string {
  return ([...text].reduce((all, it) => all + it.charCodeAt(0), 0) & 0xff).toString(16).padStart(2, '0');
}

it('reads the replies of QEMU 7.2', () => {
  expect(packetSize('PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+')).toBe(4096);
  expect(packetSize('')).toBe(400);
  expect(packetSize('PacketSize=ffffffff')).toBeLessThanOrEqual(MAX_PACKET_CHARACTERS);
  expect(parseThreads('m01,02')).toEqual(['01', '02']);
  expect(parseThreads('mp01.01')).toEqual(['p01.01']);
  expect(parseThreads('l')).toBeNull();
  expect(parseThreads('m01;rm -rf')).toBeUndefined();
  expect(formatHex('info cpus')).toBe('696e666f2063707573');
  expect(parseHex('4f4B')).toEqual(Uint8Array.of(0x4f, 0x4b));
  expect(parseHex('xx01')).toEqual(Uint8Array.of(0, 1));
  for (const none of ['4', '4g', '/0', '0:', '@0', '`0', '0\u0100', '\u001041']) expect(parseHex(none)).toBeUndefined();
});

it('reads registers by the description that the stub gives of itself', () => {
  const target =
    '<?xml version="1.0"?><target><architecture>i386:x86-64</architecture><xi:include href="i386-64bit.xml"/></target>';
  expect(includedFiles(target)).toEqual(['i386-64bit.xml']);
  const core = `<feature name="org.gnu.gdb.i386.core"><flags id="x" size="4"><field name="CF" start="0" end="0"/></flags>
    <reg name="rax" bitsize="64" type="int64" regnum="0"/><reg name="eflags" bitsize="32" type="x"/>
    <reg name="cs" bitsize="32" type="int32"/><reg name="st0" bitsize="80" type="i387_ext"/>
    <reg name="k_gs_base" bitsize="64" type="int"/><reg name="efer" bitsize="64" type="x"/></feature>`;
  const layout = parseLayout([target, core]);
  expect(layout.map(({ name, offset }) => [name, offset])).toEqual([
    ['rax', 0],
    ['eflags', 8],
    ['cs', 12],
    ['st0', 16],
    ['k_gs_base', 26],
    ['efer', 34],
  ]);
  const reply = `${'efcdab8967452301'}${'46020000'}${'10000000'}${'00'.repeat(10)}${'0000a0ffffff0088'}`;
  // The reply ends before EFER: what is not there is not zero.
  expect(decodeRegisters(layout, reply)).toEqual({
    rax: '0x123456789abcdef',
    rfl: '0x246',
    cs: '0x10',
    'kernel_gs.base': '0x8800ffffffa00000',
  });
});
