import { BlockList, isIP } from 'node:net';

/** Loopback, private, link-local, shared and unspecified addresses: not where an outer host may send us. */
const inner = new BlockList();
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  inner.addSubnet(address, bits, 'ipv4');
}
for (const [address, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  inner.addSubnet(address, bits, 'ipv6');
}

/** True for `localhost` and inner addresses as the hostname of a parsed URL, which has undone every other spelling. */
export function isInnerAddress(hostname: string): boolean {
  const name = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const version = isIP(name);
  if (version === 0) {
    return name === 'localhost' || name.endsWith('.localhost');
  }
  return inner.check(name, version === 4 ? 'ipv4' : 'ipv6');
}
