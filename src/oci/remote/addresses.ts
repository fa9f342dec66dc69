import { BlockList, isIP } from 'node:net';

/** Where an address is, seen from here. Unspecified ones are this machine, too. */
export type Reach = 'outer' | 'private' | 'link-local' | 'loopback';

/** Networks that are not outside (RFC 6890 and what it left to itself), by where they are. */
const networks: Readonly<Record<Exclude<Reach, 'outer'>, readonly string[]>> = {
  loopback: ['0.0.0.0/8', '127.0.0.0/8', '::/127'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  private: [
    '10.0.0.0/8',
    '100.64.0.0/10',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '224.0.0.0/3',
    // NAT64 of one's own network: where in it the other address stands is up to it.
    '64:ff9b:1::/48',
    'fc00::/7',
    'fec0::/10',
    'ff00::/8',
  ],
};
/** Networks of IPv6 that lead to an address of IPv4, and at which byte that stands: compatible, NAT64, 6to4. */
const carriers: readonly (readonly [network: string, at: number])[] = [
  ['::/96', 12],
  ['64:ff9b::/96', 12],
  ['2002::/16', 2],
];

const lists = (Object.entries(networks) as [Exclude<Reach, 'outer'>, readonly string[]][]).map(
  ([reach, own]) => [reach, listOf(own)] as const,
);
const carrierLists = carriers.map(([network, at]) => [listOf([network]), at] as const);

function listOf(own: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of own) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** @param address of IPv4 or IPv6, mapped ones too */
export function reachOf(address: string): Reach {
  // What stands behind a zone (`fe80::1%eth0`) says nothing of where it is.
  const bare = address.replace(/%.*$/, '');
  const family = isIP(bare) === 4 ? 'ipv4' : 'ipv6';
  const found = lists.find(([, list]) => list.check(bare, family));
  if (found) {
    return found[0];
  }
  const carrier = family === 'ipv6' && carrierLists.find(([list]) => list.check(bare, family));
  return carrier ? reachOf(carried(bare, carrier[1])) : 'outer';
}

/** The address of IPv4 at a byte of one of IPv6. */
function carried(address: string, at: number): string {
  // A URL writes every address of IPv6 one way, without dots.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));
  const [front, back] = [groups(head), groups(tail)];
  const middle = Array.from({ length: 8 - front.length - back.length }, () => '0');
  const bytes = [...front, ...middle, ...back].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return bytes.slice(at, at + 4).join('.');
}

/** Where the hostname of a parsed URL is by its looks, which has undone every other spelling; other names are outside. */
export function reachOfName(hostname: string): Reach {
  const name = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  if (isIP(name) !== 0) {
    return reachOf(name);
  }
  return name === 'localhost' || name.endsWith('.localhost') ? 'loopback' : 'outer';
}

/**
 * Whether who is here or there may send us on: outside from anywhere, else to where it is itself. This machine may send us into
 * its network.
 */
export function mayLead(from: Reach, to: Reach): boolean {
  return to === 'outer' || from === to || (from === 'loopback' && to === 'private');
}
