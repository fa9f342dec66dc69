import { isDigest } from '../digest.ts';
import { markVerified } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import { isAbort, isOciError, OciError } from '../errors.ts';
import {
  canNegotiate,
  type FetchOp,
  type Negotiator,
  type Op,
  type ReadStore,
  type Repository,
} from '../store.ts';
import { endpointsOf, nameAt, ruleFor, type Endpoint, type RegistryRule } from './registriesConf.ts';
import type { RemoteRegistry } from './registry.ts';

export interface MirrorOptions {
  /** The registry as it is named; what is written goes there and nowhere else. */
  readonly registry: RemoteRegistry;
  /** As people write it. */
  readonly host: string;
  readonly rules: () => readonly RegistryRule[];
  /** The registry at an endpoint, with an account of its own; several where it may speak one way or another. */
  readonly open: (endpoint: Endpoint) => readonly RemoteRegistry[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A place that could not be reached is not asked again for as many milliseconds. */
const rest = 60_000;

/** One place that is read from. */
interface Source {
  readonly store: Repository;
  /** Its registry at one scheme; undefined for the one that is named. */
  readonly key: object | undefined;
}

/**
 * A registry that is read from its mirrors first, as registries.conf of this machine says: manifests and blobs; lists come from
 * the registry itself as long as it can be reached. Writes never go to a mirror.
 */
export function withMirrors(options: MirrorOptions): RemoteRegistry {
  const { registry, host, rules } = options;
  /** When a registry that could not be reached may be asked again. */
  const down = new WeakMap<object, number>();
  return {
    ...registry,
    repositories: async (op) => {
      refuseBlocked(ruleFor(rules(), host), host);
      return registry.repositories(op);
    },
    repository: (name) => {
      const rule = ruleFor(rules(), host, name);
      return rule && (rule.isBlocked || rule.mirrors.length > 0 || rule.location)
        ? new Mirrored(options, rule, name, down).asRepository()
        : registry.repository(name);
    },
  };
}

function refuseBlocked(rule: RegistryRule | undefined, host: string): void {
  if (rule?.isBlocked === true) {
    throw new OciError('blocked', `${rule.prefix} is blocked in ${rule.file}`, { host, url: rule.file });
  }
}

function isLost(error: unknown): boolean {
  return isOciError(
    error,
    'unreachable',
    'name-not-found',
    'timeout',
    'connection-lost',
    'plain-http-server',
    'tls-untrusted',
    'tls-invalid',
  );
}

class Mirrored {
  readonly #options: MirrorOptions;
  readonly #rule: RegistryRule;
  readonly #name: string;
  readonly #down: WeakMap<object, number>;
  readonly #own: Repository;

  constructor(options: MirrorOptions, rule: RegistryRule, name: string, down: WeakMap<object, number>) {
    this.#options = options;
    this.#rule = rule;
    this.#name = name;
    this.#down = down;
    this.#own = options.registry.repository(name);
  }

  asRepository(): Repository {
    const own = this.#own;
    const written = async <T>(work: () => Promise<T> | undefined): Promise<T> => {
      refuseBlocked(this.#rule, this.#options.host);
      const done = work();
      if (done === undefined) {
        throw new OciError('unsupported', 'A registry that cannot do this');
      }
      return done;
    };
    return {
      isRemote: true,
      repository: this.#name,
      ...(own.mountSpace === undefined ? {} : { mountSpace: own.mountSpace }),
      resolve: (ref, op) => this.#read(by(ref), (store) => store.resolve(ref, op), op),
      manifest: (ref, op) => this.#read(by(ref), (store) => store.manifest(ref, op), op),
      manifestAs: (ref, mediaType, op) =>
        this.#read(by(ref), (store) => negotiator(store).manifestAs(ref, mediaType, op), op),
      fetch: (descriptor, op = {}) => {
        const isPart = op.start !== undefined || op.end !== undefined;
        const stream = this.#fetch(descriptor, op);
        return isPart ? stream : markVerified(stream, descriptor);
      },
      tags: (op) => this.#listed((store) => store.tags(op), op),
      referrers: (of, op) => this.#listed((store) => store.referrers(of, op), op),
      has: (descriptor, op) => written(() => own.has(descriptor, op)),
      push: (descriptor, body, op) => written(() => own.push(descriptor, body, op)),
      tag: (descriptor, tag, op) => written(() => own.tag(descriptor, tag, op)),
      mount: (descriptor, from, op) => written(() => own.mount?.(descriptor, from, op)),
      delete: (descriptor, op) => written(() => own.delete?.(descriptor, op)),
      untag: (tag, op) => written(() => own.untag?.(tag, op)),
    };
  }

  /** Those that can be reached, the registry itself last unless another place stands for it. */
  #sources(kind: 'digest' | 'tag'): readonly Source[] {
    refuseBlocked(this.#rule, this.#options.host);
    const { open, host, now } = this.#options;
    const others = endpointsOf(this.#rule, kind).flatMap((endpoint) =>
      open(endpoint).map((registry): Source => {
        const store = registry.repository(nameAt(endpoint, this.#rule, host, this.#name));
        return { store, key: registry };
      }),
    );
    const own: readonly Source[] = this.#rule.location ? [] : [{ store: this.#own, key: undefined }];
    const all = [...others, ...own];
    const up = all.filter(({ key }) => key === undefined || (this.#down.get(key) ?? 0) <= now());
    return up.length > 0 ? up : all;
  }

  #failed({ key }: Source, error: unknown, op: Op | undefined): void {
    if (isAbort(error) || op?.signal?.aborted === true) {
      throw error;
    }
    if (key && isLost(error)) {
      this.#down.set(key, this.#options.now() + rest);
    }
  }

  async #read<T>(
    kind: 'digest' | 'tag',
    ask: (store: ReadStore) => Promise<T>,
    op: Op | undefined,
  ): Promise<T> {
    return this.#first(this.#sources(kind), ask, () => true, op);
  }

  /** What a mirror holds is only a part; it is asked where the registry cannot be reached. */
  async #listed<T>(ask: (store: ReadStore) => Promise<T>, op: Op | undefined): Promise<T> {
    const sources = this.#sources('tag');
    return this.#first([...sources.slice(-1), ...sources.slice(0, -1)], ask, isLost, op);
  }

  async #first<T>(
    sources: readonly Source[],
    ask: (store: ReadStore) => Promise<T>,
    goesOn: (error: unknown) => boolean,
    op: Op | undefined,
  ): Promise<T> {
    let failure: unknown;
    for (const source of sources) {
      try {
        return await ask(source.store);
      } catch (error) {
        this.#failed(source, error, op);
        failure = error;
        if (!goesOn(error)) {
          break;
        }
      }
    }
    throw failure;
  }

  /** Goes over to the next place as long as no byte came. */
  async *#fetch(descriptor: Descriptor, op: FetchOp): AsyncGenerator<Uint8Array, void, undefined> {
    const sources = this.#sources('digest');
    for (const [index, source] of sources.entries()) {
      const chunks = source.store.fetch(descriptor, op)[Symbol.asyncIterator]();
      let next: IteratorResult<Uint8Array>;
      try {
        next = await chunks.next();
      } catch (error) {
        this.#failed(source, error, op);
        // One that sends no parts is asked for all of it before another place is.
        if (index === sources.length - 1 || (op.neverSkips === true && isOciError(error, 'unsupported'))) {
          throw error;
        }
        continue;
      }
      try {
        for (; next.done !== true; next = await chunks.next()) {
          yield next.value;
        }
      } finally {
        await chunks.return?.();
      }
      return;
    }
  }
}

function negotiator(store: ReadStore): Negotiator {
  if (!canNegotiate(store)) {
    throw new OciError('unsupported', 'A registry that cannot do this');
  }
  return store;
}

function by(ref: string): 'digest' | 'tag' {
  return isDigest(ref) ? 'digest' : 'tag';
}
