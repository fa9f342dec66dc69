import { Flights } from '../base/flights.ts';
import { Limiter } from '../base/limiter.ts';
import { LruMap } from '../base/lru.ts';
import type { TypeTable } from '../artifacts/table.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isAbort, isOciError, OciError } from '../oci/errors.ts';
import type { ManifestCache, Op, ReadStore } from '../oci/store.ts';
import type { Branches } from './branches.ts';
import type { Named } from './browser.ts';
import { asOciError } from './failure.ts';
import { Configs } from './configs.ts';
import { namedAnew, namedBlob, namedBy, namedByDescriptor, readManifest, withoutManifest } from './naming.ts';
import type { ManifestNode, Node, ReferrersNode, RepositoryNode, TagNode } from './node.ts';
import { isBelow } from './nodes.ts';
import type { Slices } from './slices.ts';

/** Requests of one place for names at once, and most rows whose names are kept. */
const maxAtOnce = 6;
const maxNamed = 20_000;
/** Bytes of manifests, as they were served, that are kept parsed with their names: in memory they take some times as much. */
const maxParsed = 32 * 1024 * 1024;

/** What has rows that are named behind its answer. */
type Parent = RepositoryNode | TagNode | ManifestNode | ReferrersNode;

interface Ports {
  readonly branches: Branches;
  readonly slices: Slices;
  readonly cache: ManifestCache;
  readonly types: () => TypeTable;
  /** A row's name came, or the reason why it has none. */
  readonly named: (node: TagNode | ManifestNode) => void;
  /** All rows that were asked for below one node have their names; once more when their configs have refined them. */
  readonly settled: (parent: Parent) => void;
}

/** What is known of tags, manifests and blobs, and the requests that find it out. */
export class Names {
  readonly #ports: Ports;
  readonly #known = new LruMap<string, Named | OciError>(maxNamed);
  /** Rows that keep their manifest, with its size: those not looked at for longest lose it, and keep their names. */
  readonly #parsed = new Map<string, number>();
  #parsedBytes = 0;
  /** By which table each was named. */
  readonly #tables = new WeakMap<Named, TypeTable>();
  /** Where a tag pointed before it was refreshed: it is asked whether it still does. */
  readonly #last = new LruMap<string, Descriptor>(maxNamed);
  readonly #configs = new Configs();
  /** Rows that are asked for and not answered yet, by their parent. */
  readonly #waiting = new Map<string, Set<string>>();
  /** One request for a row, whoever waits for its name. */
  readonly #flights = new Flights();
  readonly #limiters = new Map<string, Limiter>();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  get(node: Node): Named | OciError | undefined {
    if (node.kind === 'blob') {
      const owner = node.parent && this.get(node.parent);
      return namedBlob(node, owner instanceof OciError ? undefined : owner, this.#ports.types());
    }
    if (node.kind !== 'tag' && node.kind !== 'manifest') {
      return undefined;
    }
    const known = this.#current(node);
    return known !== undefined || node.kind === 'tag' || node.role === 'untagged'
      ? known
      : namedByDescriptor(node.descriptor, this.#ports.types());
  }

  /** Whether a row was known to be there before the last refresh. */
  wasKnown(node: TagNode | ManifestNode): boolean {
    return this.#last.get(node.id) !== undefined;
  }

  /**
   * Names the rows that have none yet, some at a time, then reads the configs of those that are images and could be more than
   * that; collapsing the parent ends what is under way.
   */
  name(parent: Parent, nodes: readonly (TagNode | ManifestNode)[]): void {
    const waiting = this.#waiting.get(parent.id) ?? new Set();
    const unnamed = nodes.filter(
      ({ id }) => !waiting.has(id) && (this.#known.get(id) === undefined || this.#isRefinable(id)),
    );
    if (unnamed.length === 0) {
      return;
    }
    this.#waiting.set(parent.id, waiting);
    for (const { id } of unnamed) {
      waiting.add(id);
    }
    const limiter = this.#limiter(parent);
    // A row that is refreshed is asked for by a person.
    const isOfMany = nodes.length > 1;
    void this.#ports.branches.run(parent, async (signal) => {
      await Promise.all(
        unnamed.map(async (node) => {
          await this.#inTurn(node, limiter, signal, () => this.#one(node, { signal, isOfMany }));
          if (!this.#isRefinable(node.id) || parent.place.countsReads) {
            waiting.delete(node.id);
          }
        }),
      );
      const isCurrent = (): boolean => this.#waiting.get(parent.id) === waiting;
      if (isCurrent() && [...waiting].every((id) => this.#known.get(id) !== undefined)) {
        this.#ports.settled(parent);
      }
      const refinable = unnamed.filter(({ id }) => waiting.has(id));
      await Promise.all(
        refinable.map(async (node) => {
          await this.#inTurn(node, limiter, signal, () => this.complete(node, signal));
          waiting.delete(node.id);
        }),
      );
      if (waiting.size === 0 && isCurrent()) {
        this.#waiting.delete(parent.id);
        if (refinable.length > 0) {
          this.#ports.settled(parent);
        }
      }
    });
  }

  /**
   * Names the rows that have none yet, and reads the configs that may tell more, except where reads are counted.
   * @throws {OciError} why none of them can be named, where that is so
   */
  async nameAll(parent: Parent, nodes: readonly TagNode[], signal: AbortSignal): Promise<void> {
    const limiter = this.#limiter(parent);
    await Promise.all(
      nodes.map((node) =>
        this.#inTurn(node, limiter, signal, async () => {
          await this.#one(node, { signal, isOfMany: true });
          if (this.#isRefinable(node.id) && !node.place.countsReads) {
            await this.complete(node, signal);
          }
        }),
      ),
    );
    signal.throwIfAborted();
    const faults = nodes.map(({ id }) => this.#known.get(id)).filter((known) => isFault(known));
    const [first] = faults;
    if (first && faults.length === nodes.length) {
      throw first;
    }
  }

  /** Whether a row has a name, or a reason for having none. */
  isKnown(id: string): boolean {
    return this.#known.get(id) !== undefined;
  }

  /** With the manifest, read if it was not. @throws {OciError} */
  read(node: TagNode | ManifestNode, signal?: AbortSignal): Promise<Named> {
    return this.#read(node, { signal });
  }

  async #read(node: TagNode | ManifestNode, op: Op): Promise<Named> {
    const known = this.#current(node);
    if (known !== undefined && !(known instanceof OciError) && known.manifest !== undefined) {
      return known;
    }
    const manifest = await readManifest(
      storeOf(node),
      node,
      this.#ports.cache,
      known === undefined || known instanceof OciError ? this.#last.get(node.id) : known.descriptor,
      op,
    );
    const named = namedBy(manifest, node, this.#ports.types(), (config) => this.#configs.get(config));
    this.#set(node, named);
    return named;
  }

  /** What a full read can tell, the config included where it may refine the name. @throws {OciError} */
  async complete(node: TagNode | ManifestNode, signal?: AbortSignal): Promise<Named> {
    const named = await this.read(node, signal);
    if (!named.type.refinable) {
      return named;
    }
    const config = await this.#configs.read(storeOf(node), named, signal).catch((error: unknown) => {
      if (isAbort(error)) {
        throw error;
      }
      // A config that cannot be read refines nothing.
      return null;
    });
    const manifest = await this.#ports.cache.get(named.descriptor.digest);
    if (!manifest) {
      return named;
    }
    const refined = namedBy(manifest, node, this.#ports.types(), () => config ?? null);
    this.#set(node, refined);
    return refined;
  }

  /** Tags are asked again; what is known by digest stays in the cache. */
  forget(top: Node | undefined): void {
    for (const id of [...this.#known.keys()].filter((known) => isBelow(known, top))) {
      const known = this.#known.get(id);
      if (known && !(known instanceof OciError)) {
        this.#last.set(id, known.descriptor);
      }
      this.#known.delete(id);
      this.#weigh(id, 0);
    }
    for (const id of [...this.#waiting.keys()].filter((parent) => isBelow(parent, top))) {
      // Those that were asked for have just been ended; new ones are not to wait for them.
      this.#waiting.delete(id);
    }
  }

  /** As the table in force names it: the rows of a table that was replaced are named anew when they are looked at. */
  #current(node: TagNode | ManifestNode): Named | OciError | undefined {
    const known = this.#known.get(node.id);
    const table = this.#ports.types();
    if (known === undefined || known instanceof OciError || this.#tables.get(known) === table) {
      return known;
    }
    const named = namedAnew(known, node, table);
    this.#tables.set(named, table);
    this.#known.set(node.id, named);
    return named;
  }

  #set(node: TagNode | ManifestNode, named: Named | OciError): void {
    if (!(named instanceof OciError)) {
      this.#tables.set(named, this.#ports.types());
    }
    this.#known.set(node.id, named);
    this.#weigh(node.id, named instanceof OciError || !named.manifest ? 0 : named.descriptor.size);
    this.#ports.named(node);
  }

  /** A row holds so many bytes of a manifest now. */
  #weigh(id: string, size: number): void {
    this.#parsedBytes += size - (this.#parsed.get(id) ?? 0);
    this.#parsed.delete(id);
    if (size > 0) {
      this.#parsed.set(id, size);
    }
    for (const [oldest, bytes] of this.#parsed) {
      if (this.#parsedBytes <= maxParsed) {
        break;
      }
      this.#parsed.delete(oldest);
      this.#parsedBytes -= bytes;
      const known = this.#known.get(oldest);
      if (known && !(known instanceof OciError)) {
        const light = withoutManifest(known);
        this.#tables.set(light, this.#tables.get(known) ?? this.#ports.types());
        this.#known.set(oldest, light);
      }
    }
  }

  /** What is known of a tag that may not be there: asked once. Rejects for an abort only. */
  async find(node: TagNode, signal: AbortSignal): Promise<Named | OciError | undefined> {
    try {
      await this.#one(node, { signal });
    } catch (error) {
      if (isAbort(error) || signal.aborted) {
        throw error;
      }
      this.#known.set(node.id, asOciError(error));
    }
    return this.#known.get(node.id);
  }

  /** Whether the config, not read yet, may tell more. */
  #isRefinable(id: string): boolean {
    const known = this.#known.get(id);
    return known !== undefined && !(known instanceof OciError) && !known.partial && known.type.refinable;
  }

  #limiter({ place }: Parent): Limiter {
    const limiter = this.#limiters.get(place.id) ?? new Limiter(maxAtOnce);
    this.#limiters.set(place.id, limiter);
    return limiter;
  }

  /** Never rejects. */
  async #inTurn(
    node: TagNode | ManifestNode,
    limiter: Limiter,
    signal: AbortSignal,
    work: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await limiter.run(async () => {
        await this.#ports.slices.turn();
        await work();
      }, signal);
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) {
        this.#set(node, asOciError(error));
      }
    }
  }

  async #one(node: TagNode | ManifestNode, { signal, isOfMany }: Op): Promise<void> {
    if (this.#known.get(node.id) === undefined) {
      await this.#flights.run(node.id, (inner) => this.#ask(node, { signal: inner, isOfMany }), signal);
    }
  }

  async #ask(node: TagNode | ManifestNode, op: Op): Promise<void> {
    if (node.kind === 'manifest' && this.wasKnown(node)) {
      // What it holds is known for ever; that it is still there is not.
      await storeOf(node).resolve(node.descriptor.digest, op);
    }
    if (node.kind === 'manifest' || !node.place.countsReads) {
      await this.#read(node, op);
      return;
    }
    const descriptor = await headOf(node, op);
    if (!descriptor) {
      // It has no name before a person wants to know.
      return;
    }
    const held = await this.#ports.cache.get(descriptor.digest);
    this.#set(
      node,
      held
        ? namedBy(held, node, this.#ports.types(), (config) => this.#configs.get(config))
        : namedByDescriptor(descriptor, this.#ports.types(), node.tag),
    );
  }
}

/** Where reads are counted: undefined where it would have to be read. */
async function headOf(node: TagNode, op: Op): Promise<Descriptor | undefined> {
  try {
    return await storeOf(node).resolve(node.tag, { ...op, neverReads: true });
  } catch (error) {
    if (isOciError(error, 'unsupported')) {
      return undefined;
    }
    throw error;
  }
}

/** What may well be the same for every other row: no fault of the one that was asked for. */
function isFault(known: Named | OciError | undefined): known is OciError {
  return (
    known instanceof OciError &&
    !isOciError(known, 'not-found', 'manifest-invalid', 'digest-mismatch', 'size-mismatch', 'too-large')
  );
}

function storeOf(node: TagNode | ManifestNode): ReadStore {
  return node.place.registry.repository(node.repository);
}
