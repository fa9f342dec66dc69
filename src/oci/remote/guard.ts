import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { OciError } from '../errors.ts';
import { mayLead, reachOf, type Reach } from './addresses.ts';

/** Holds connections to where a registry is itself, at the moment they are made: what a name says counts for nothing. */
export interface Guard {
  /** In place of the system's: gives no address that may not be gone to. */
  readonly lookup: LookupFunction;
  /** Of what is an address already, and so is never looked up. @throws {OciError} `origin-refused` */
  readonly check: (hostname: string) => Promise<void>;
  /** Told of every connection that is there, by the address it has. */
  readonly reached: (hostname: string, address: string) => void;
}

type Where = readonly [address: string, reach: Reach];

const texts: Readonly<Record<Reach, string>> = {
  outer: 'outside',
  private: 'in this network',
  'link-local': 'in this network',
  loopback: 'on this machine',
};

/** Most addresses of a registry that are kept. */
const maxAddresses = 256;

/**
 * @param registry whose connections these are: a host as in a URL. Where it was last connected to is where it, and whom it names,
 * may be: outside or inside, never both. That it may move into a network is for who goes in and out of a VPN.
 */
export function createGuard(registry: string, lookup: LookupFunction = systemLookup): Guard {
  const own = bare(new URL(`http://${registry}`).hostname);
  const seen = new Set<Reach>();
  /** What an address that its name had counts as. */
  const counted = new Map<string, Reach>();

  const isAt = (reach: Reach): void => {
    if (reach === 'outer' || seen.has('outer')) {
      seen.clear();
    }
    seen.add(reach);
  };

  const refused = (name: string, [address, reach]: Where): OciError =>
    new OciError(
      'origin-refused',
      `${name} ${name === own ? 'now has' : 'has'} the address ${address}, which is ${texts[reach]}`,
      { host: registry, url: name },
    );

  const ownAllowed = (found: readonly Where[]): readonly Where[] => {
    // Who is outside is that alone, whatever else its name says: it would let itself in.
    const isOutside = found.some(([, reach]) => reach === 'outer');
    const allowed = found.filter(
      ([, reach]) =>
        reach === 'outer' || reach === 'private' || (!isOutside && (seen.size === 0 || seen.has(reach))),
    );
    if (counted.size + allowed.length > maxAddresses) {
      counted.clear();
    }
    for (const [address, reach] of allowed) {
      counted.set(address, isOutside ? 'outer' : reach);
    }
    return allowed;
  };

  const resolved = (name: string): Promise<readonly Where[]> =>
    isIP(name) !== 0
      ? Promise.resolve([whereOf(name)])
      : new Promise((resolve, reject) => {
          lookup(name, { all: true }, (error, found) => {
            if (error) {
              reject(error);
            } else {
              resolve(addressesOf(found).map(({ address }) => whereOf(address)));
            }
          });
        });

  const allowed = async (name: string, found: readonly Where[]): Promise<readonly Where[]> => {
    if (name === own) {
      return ownAllowed(found);
    }
    if (found.every(([, reach]) => reach === 'outer')) {
      return found;
    }
    if (seen.size === 0) {
      // By a proxy it was never connected to from here.
      for (const [address] of ownAllowed(await resolved(own).catch(() => []))) {
        isAt(counted.get(address) ?? reachOf(address));
      }
    }
    return found.filter(([, reach]) => [...seen].some((from) => mayLead(from, reach)));
  };

  const checked = async (name: string, found: readonly Where[]): Promise<readonly Where[]> => {
    const left = await allowed(name, found);
    const [first] = found;
    if (left.length === 0 && first) {
      throw refused(name, first);
    }
    return left;
  };

  return {
    reached: (hostname, address) => {
      if (bare(hostname) === own) {
        isAt(counted.get(address) ?? reachOf(address));
      }
    },
    check: async (hostname) => {
      const name = bare(hostname);
      if (isIP(name) !== 0) {
        await checked(name, [whereOf(name)]);
      }
    },
    lookup: (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, found) => {
        if (error) {
          callback(error, []);
          return;
        }
        const all = addressesOf(found);
        checked(
          bare(hostname),
          all.map(({ address }) => whereOf(address)),
        ).then(
          (left) => {
            const kept = all.filter(({ address }) => left.some(([each]) => each === address));
            if (options.all === true) {
              callback(null, kept);
            } else {
              callback(null, kept[0]?.address ?? '', kept[0]?.family);
            }
          },
          (refusal: unknown) => callback(refusal as Error, []),
        );
      });
    },
  };
}

function whereOf(address: string): Where {
  return [address, reachOf(address)];
}

function addressesOf(found: string | readonly LookupAddress[]): readonly LookupAddress[] {
  return typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
}

function bare(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
