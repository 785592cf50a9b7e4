import type { ContentLayer } from '../../contract/inspect/virtio.ts';
import { type Content, field, printable } from './content.ts';

/** Frames as far as one line wants to know: Ethernet II, 802.1Q, ARP (RFC 826), IPv4 (RFC 791), IPv6 (RFC 8200). */

/** Big-endian, and 0 beyond the end: packets are cut short anywhere. */
export const u8 = (bytes: Uint8Array, at: number) => bytes[at] ?? 0;
export const u16be = (bytes: Uint8Array, at: number) => (u8(bytes, at) << 8) | u8(bytes, at + 1);
export const u32be = (bytes: Uint8Array, at: number) => ((u16be(bytes, at) << 16) | u16be(bytes, at + 2)) >>> 0;

const hex2 = (value: number) => value.toString(16).padStart(2, '0');
const mac = (bytes: Uint8Array, at: number) => Array.from({ length: 6 }, (_, n) => hex2(u8(bytes, at + n))).join(':');
export const ipv4 = (bytes: Uint8Array, at: number) => Array.from({ length: 4 }, (_, n) => u8(bytes, at + n)).join('.');

const ETHERTYPES: Readonly<Record<number, string>> = { 2048: 'IPv4', 2054: 'ARP', 34525: 'IPv6', 33024: '802.1Q' };
const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6' };

export function decodeFrame(bytes: Uint8Array): Content {
  if (bytes.length < 14) return { summary: `${bytes.length} bytes, too short for a frame`, layers: [] };
  const layers: ContentLayer[] = [];
  let type = u16be(bytes, 12);
  let at = 14;
  const fields = [
    field('destination', mac(bytes, 0), mac(bytes, 0) === 'ff:ff:ff:ff:ff:ff' ? 'broadcast' : ''),
    field('source', mac(bytes, 6)),
    field('type', `0x${type.toString(16).padStart(4, '0')}`, ETHERTYPES[type] ?? ''),
  ];
  if (type === 0x8100) {
    fields.push(field('VLAN', u16be(bytes, 14) & 0xfff));
    type = u16be(bytes, 16);
    at = 18;
  }
  layers.push({ name: 'Ethernet', fields });
  const rest = bytes.subarray(at);
  switch (type) {
    case 0x0806:
      return { summary: arp(rest, layers), layers };
    case 0x0800:
      return { summary: internet4(rest, layers), layers };
    case 0x86dd:
      return { summary: internet6(rest, layers), layers };
    default:
      return { summary: `Ethernet type 0x${type.toString(16).padStart(4, '0')}`, layers };
  }
}

function arp(bytes: Uint8Array, layers: ContentLayer[]): string {
  const operation = u16be(bytes, 6);
  const [sender, target] = [ipv4(bytes, 14), ipv4(bytes, 24)];
  layers.push({
    name: 'ARP',
    fields: [
      field('operation', operation, operation === 1 ? 'request' : operation === 2 ? 'reply' : ''),
      field('sender', `${sender} ${mac(bytes, 8)}`),
      field('target', `${target} ${mac(bytes, 18)}`),
    ],
  });
  return operation === 2 ? `ARP ${sender} is at ${mac(bytes, 8)}` : `ARP who has ${target}? tell ${sender}`;
}

function internet4(bytes: Uint8Array, layers: ContentLayer[]): string {
  const header = (u8(bytes, 0) & 15) * 4;
  const length = u16be(bytes, 2);
  const protocol = u8(bytes, 9);
  const fragment = u16be(bytes, 6) & 0x1fff;
  const [from, to] = [ipv4(bytes, 12), ipv4(bytes, 16)];
  layers.push({
    name: 'IPv4',
    fields: [
      field('source', from),
      field('destination', to),
      field('protocol', protocol, PROTOCOLS[protocol] ?? ''),
      field('length', length),
      field('TTL', u8(bytes, 8)),
      ...(header < 20 ? [field('header', header, 'less than 20 bytes: malformed')] : []),
    ],
  });
  if (header < 20 || fragment !== 0)
    return `IPv4 ${from} → ${to}${fragment === 0 ? ', malformed' : `, fragment at ${fragment * 8}`}`;
  // The frame may be padded: the length that IP gives counts.
  return transport(bytes.subarray(header, Math.max(header, length)), protocol, from, to, length - header, layers);
}

function internet6(bytes: Uint8Array, layers: ContentLayer[]): string {
  const address = (at: number) => {
    const groups = Array.from({ length: 8 }, (_, n) => u16be(bytes, at + 2 * n).toString(16)).join(':');
    return groups.replace(/(^|:)0(:0)+(:|$)/, '::');
  };
  const protocol = u8(bytes, 6);
  const length = u16be(bytes, 4);
  const [from, to] = [address(8), address(24)];
  layers.push({
    name: 'IPv6',
    fields: [
      field('source', from),
      field('destination', to),
      field('next header', protocol, PROTOCOLS[protocol] ?? ''),
      field('length', length),
    ],
  });
  return transport(bytes.subarray(40), protocol, `[${from}]`, `[${to}]`, length, layers);
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

function transport(
  bytes: Uint8Array,
  protocol: number,
  from: string,
  to: string,
  length: number,
  layers: ContentLayer[],
): string {
  const [source, destination] = [u16be(bytes, 0), u16be(bytes, 2)];
  const ports = [field('source port', source), field('destination port', destination)];
  switch (protocol) {
    case 6: {
      const header = (u8(bytes, 12) >> 4) * 4;
      const flags = TCP_FLAGS.filter((_, bit) => ((u8(bytes, 13) >> bit) & 1) === 1).join(' ');
      const payload = Math.max(0, length - header);
      const text = bytes.subarray(Math.max(20, header), Math.max(20, header) + 64);
      layers.push({
        name: 'TCP',
        fields: [
          ...ports,
          field('sequence', u32be(bytes, 4)),
          field('acknowledgement', u32be(bytes, 8)),
          field('flags', flags),
          field('window', u16be(bytes, 14)),
          field('payload', `${payload} B`, payload > 0 ? printable(text) : ''),
        ],
      });
      return `TCP ${from}:${source} → ${to}:${destination} ${flags}${payload > 0 ? `, ${payload} B` : ''}`;
    }
    case 17: {
      layers.push({ name: 'UDP', fields: [...ports, field('length', u16be(bytes, 4))] });
      const dhcp = (source === 67 && destination === 68) || (source === 68 && destination === 67);
      if (dhcp) return dhcpSummary(bytes.subarray(8), layers);
      const what = source === 53 || destination === 53 ? 'DNS' : 'UDP';
      return `${what} ${from}:${source} → ${to}:${destination}, ${Math.max(0, u16be(bytes, 4) - 8)} B`;
    }
    case 1:
    case 58: {
      const [type, code] = [u8(bytes, 0), u8(bytes, 1)];
      const name = icmpName(protocol, type);
      layers.push({ name: PROTOCOLS[protocol] ?? 'ICMP', fields: [field('type', type, name), field('code', code)] });
      return `${PROTOCOLS[protocol]} ${from} → ${to} ${name || `type ${type}`}`;
    }
    default:
      return `IP protocol ${protocol} ${from} → ${to}`;
  }
}

function icmpName(protocol: number, type: number): string {
  const names: Readonly<Record<number, string>> =
    protocol === 1
      ? { 0: 'echo reply', 3: 'unreachable', 8: 'echo request', 11: 'time exceeded' }
      : {
          1: 'unreachable',
          128: 'echo request',
          129: 'echo reply',
          133: 'router solicitation',
          134: 'router advertisement',
          135: 'neighbour solicitation',
          136: 'neighbour advertisement',
          143: 'multicast report',
        };
  return names[type] ?? '';
}

const DHCP_MESSAGES = ['', 'DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM'] as const;

/** RFC 2131; the message type is option 53 (RFC 2132 §9.6). */
function dhcpSummary(bytes: Uint8Array, layers: ContentLayer[]): string {
  let message = '';
  for (let at = 240; at < bytes.length && u8(bytes, at) !== 255; ) {
    const option = u8(bytes, at);
    if (option === 0) {
      at += 1;
      continue;
    }
    if (option === 53) message = DHCP_MESSAGES[u8(bytes, at + 2)] ?? '';
    at += 2 + u8(bytes, at + 1);
  }
  const yours = ipv4(bytes, 16);
  layers.push({
    name: 'DHCP',
    fields: [
      field('operation', u8(bytes, 0), u8(bytes, 0) === 1 ? 'request' : 'reply'),
      field('message', message || 'none'),
      field('transaction', `0x${u32be(bytes, 4).toString(16)}`),
      field('your address', yours),
      field('client', mac(bytes, 28)),
    ],
  });
  return `DHCP ${message}${yours === '0.0.0.0' ? '' : ` ${yours}`}`.trim();
}
