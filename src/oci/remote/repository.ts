import type { Descriptor } from '../descriptor.ts';
import { algorithmOf, isDigest, parseDigest, type Digest } from '../digest.ts';
import { markVerified, verified } from '../content.ts';
import { OciError, isOciError, type ErrorFacts } from '../errors.ts';
import { maxManifestSize, parseManifest } from '../manifest.ts';
import { isManifestType, manifestAccept, onlyAccept } from '../mediaTypes.ts';
import { isRepository, isTag } from '../reference.ts';
import { discard, registryHeader, type Answer } from './answer.ts';
import type { Client } from './client.ts';
import { download } from './download.ts';
import { withFacts } from './errors.ts';
import { listPage, type Lists } from './lists.ts';
import { quirksOf } from './quirks.ts';
import type {
  Body,
  Deleter,
  FetchedManifest,
  FetchOp,
  Mounter,
  Negotiator,
  Op,
  Page,
  PageOp,
  PushOp,
  ReferrersPage,
  ResolveOp,
  Store,
  StreamedBlob,
  Streamer,
  StreamBody,
} from '../store.ts';
import { checkedManifest, mediaTypeOf } from './checkedManifest.ts';
import { Referrers } from './referrers.ts';
import { cancelUpload, upload } from './upload.ts';
import { uploadStream } from './uploadStream.ts';
import { uploadLocation } from './uploadLocation.ts';

export interface RepositoryOptions {
  readonly client: Client;
  readonly name: string;
  readonly lists: Lists;
  /** A registry and its account: within it blobs can be mounted. */
  readonly mountSpace: string;
}

/** One repository of a registry that speaks the distribution specification. */
export class RemoteRepository implements Store, Streamer, Mounter, Deleter, Negotiator {
  readonly isRemote = true;
  readonly repository: string;
  readonly mountSpace: string;
  readonly #client: Client;
  readonly #lists: Lists;
  readonly #referrers: Referrers;

  /** @throws {OciError} `reference-invalid` before a name can reach a URL */
  constructor(options: RepositoryOptions) {
    if (!isRepository(options.name)) {
      throw new OciError('reference-invalid', `Not a repository name: ${options.name.slice(0, 200)}`);
    }
    this.repository = options.name;
    this.mountSpace = options.mountSpace;
    this.#client = options.client;
    this.#lists = options.lists;
    this.#referrers = new Referrers(this, options.client);
  }

  async resolve(ref: string, { neverReads = false, ...op }: ResolveOp = {}): Promise<Descriptor> {
    const answer = await this.#client.send({
      method: 'HEAD',
      url: this.#manifestUrl(ref),
      headers: { accept: manifestAccept },
      scopes: this.pullScopes,
      signal: op.signal,
      isOfMany: op.isOfMany,
      expect: [405],
    });
    await discard(answer);
    const digest = registryHeader(answer, 'docker-content-digest');
    const size = Number(registryHeader(answer, 'content-length'));
    const mediaType = mediaTypeOf(answer);
    const isCoded = registryHeader(answer, 'content-encoding') !== undefined;
    if (
      !isDigest(digest) ||
      !Number.isSafeInteger(size) ||
      size <= 0 ||
      isCoded ||
      !isManifestType(mediaType)
    ) {
      // Before 1.2 the header was optional, and there are servers without HEAD: read it then.
      if (neverReads) throw new OciError('unsupported', 'A HEAD does not say what it is', answer.facts);
      return (await this.manifest(ref, op)).descriptor;
    }
    if (isDigest(ref) && digest !== ref) {
      throw new OciError('digest-mismatch', `Asked for ${ref}, the registry offers ${digest}`, answer.facts);
    }
    return { mediaType, digest, size };
  }

  manifest(
    ref: string,
    op: Op & { readonly cached?: FetchedManifest | undefined } = {},
  ): Promise<FetchedManifest> {
    return this.#manifest(ref, manifestAccept, op);
  }

  manifestAs(ref: string, mediaType: string, op: Op = {}): Promise<FetchedManifest> {
    return this.#manifest(ref, onlyAccept(mediaType), op);
  }

  async #manifest(
    ref: string,
    accept: string,
    { cached, signal, isOfMany }: Op & { readonly cached?: FetchedManifest | undefined },
  ): Promise<FetchedManifest> {
    if (cached && ref === cached.descriptor.digest) {
      return cached;
    }
    const answer = await this.#client.read(
      {
        method: 'GET',
        url: this.#manifestUrl(ref),
        headers: {
          accept,
          ...(cached ? { 'if-none-match': `"${cached.descriptor.digest}"` } : {}),
        },
        scopes: this.pullScopes,
        signal,
        isOfMany,
        expect: cached ? [304] : [],
      },
      maxManifestSize,
    );
    if (cached && answer.status === 304) {
      return cached;
    }
    const { bytes } = answer;
    try {
      return { bytes, descriptor: checkedManifest(ref, answer, bytes) };
    } catch (error) {
      throw withFacts(error, answer.facts);
    }
  }

  fetch(descriptor: Descriptor, op: FetchOp = {}): AsyncGenerator<Uint8Array, void, undefined> {
    const isPart = op.start !== undefined || op.end !== undefined;
    const stream = this.#fetch(descriptor, isPart, op);
    return isPart ? stream : markVerified(stream, descriptor);
  }

  async *#fetch(
    descriptor: Descriptor,
    isPart: boolean,
    op: FetchOp,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const isManifest = isManifestType(descriptor.mediaType);
    let facts: ErrorFacts = {};
    const body = download({
      ...op,
      client: this.#client,
      url: isManifest ? this.#manifestUrl(descriptor.digest) : this.#blobUrl(descriptor.digest),
      accept: isManifest ? descriptor.mediaType : undefined,
      scopes: this.pullScopes,
      descriptor,
      onAnswer: (told) => {
        facts = told;
      },
    });
    try {
      yield* isPart ? body : verified(body, descriptor, op.signal);
    } catch (error) {
      throw withFacts(error, facts);
    }
  }

  async tags(op: PageOp = {}): Promise<Page<string>> {
    return listPage(
      this.#client,
      this.#lists,
      `/v2/${this.repository}/tags/list`,
      'tags',
      isTag,
      this.pullScopes,
      op,
    );
  }

  referrers(
    of: Descriptor,
    op: PageOp & { readonly artifactType?: string | undefined } = {},
  ): Promise<ReferrersPage> {
    return this.#referrers.list(of, op);
  }

  async has(descriptor: Descriptor, op: Op = {}): Promise<boolean> {
    const isManifest = isManifestType(descriptor.mediaType);
    const answer = await this.#client.send({
      method: 'HEAD',
      url: isManifest ? this.#manifestUrl(descriptor.digest) : this.#blobUrl(descriptor.digest),
      headers: isManifest ? { accept: descriptor.mediaType } : {},
      scopes: this.pushScopes,
      signal: op.signal,
      expect: [404],
    });
    await discard(answer);
    return answer.status < 300;
  }

  async push(descriptor: Descriptor, body: Body, op: PushOp = {}): Promise<void> {
    if (isManifestType(descriptor.mediaType)) {
      await this.#pushManifest(descriptor, body, op);
    } else {
      await upload({
        client: this.#client,
        repository: this.repository,
        scopes: this.pushScopes,
        descriptor,
        body,
        ...op,
      });
    }
  }

  pushStream(body: StreamBody, op: PushOp = {}): Promise<StreamedBlob | undefined> {
    const { repository, pushScopes: scopes } = this;
    return uploadStream({ client: this.#client, repository, scopes, body, ...op });
  }

  async #pushManifest(descriptor: Descriptor, body: Body, op: PushOp): Promise<void> {
    if (descriptor.size > maxManifestSize) {
      throw new OciError('too-large', `A manifest of ${descriptor.size} bytes`);
    }
    const bytes = Buffer.concat(await Array.fromAsync(verified(body(), descriptor, op.signal)));
    const manifest = parseManifest(bytes, descriptor.mediaType);
    const { subject } = manifest;
    const put = async (): Promise<Answer> => {
      const answer = await this.#putRef(op.tag ?? descriptor.digest, descriptor, bytes, op);
      op.onBytes?.(bytes.byteLength);
      return answer;
    };
    await (subject ? this.#referrers.add(subject, descriptor, manifest, put, op) : put());
  }

  /** @throws {OciError} `digest-mismatch` when the registry has stored something else */
  async putManifest(
    ref: string,
    descriptor: Descriptor,
    bytes: Uint8Array,
    op: Op,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await this.#client.send({
      method: 'PUT',
      url: this.#manifestUrl(ref),
      headers: { 'content-type': descriptor.mediaType, ...headers },
      body: { size: bytes.byteLength, content: bytes },
      scopes: this.pushScopes,
      signal: op.signal,
    });
    await discard(answer);
    const stored = registryHeader(answer, 'docker-content-digest');
    if (
      isDigest(stored) &&
      algorithmOf(stored) === algorithmOf(descriptor.digest) &&
      stored !== descriptor.digest
    ) {
      throw new OciError(
        'digest-mismatch',
        `Sent ${descriptor.digest}, the registry stored ${stored}`,
        answer.facts,
      );
    }
    return answer;
  }

  /** @throws {OciError} `tag-exists` where the registry compares, and the tag does not point where it was seen */
  async #putRef(
    ref: string,
    descriptor: Descriptor,
    bytes: Uint8Array,
    { from, ...op }: Op & { readonly from?: Digest | undefined },
  ): Promise<Answer> {
    const headers = from === undefined ? {} : { 'if-match': `"${from}"` };
    try {
      return await this.putManifest(ref, descriptor, bytes, op, headers);
    } catch (error) {
      throw isOciError(error) && error.facts.status === 412
        ? new OciError('tag-exists', `${ref} was moved meanwhile`, { ...error.facts, cause: error })
        : error;
    }
  }

  async tag(
    descriptor: Descriptor,
    tag: string,
    op: Op & { readonly from?: Digest | undefined } = {},
  ): Promise<void> {
    const { bytes, descriptor: found } = await this.manifest(descriptor.digest, op);
    await this.#putRef(tag, found, bytes, op);
  }

  async mount(descriptor: Descriptor, fromRepository: string, op: Op = {}): Promise<boolean> {
    const url = `/v2/${this.repository}/blobs/uploads/?mount=${descriptor.digest}&from=${encodeURIComponent(fromRepository)}`;
    try {
      const answer = await this.#client.send({
        method: 'POST',
        url,
        scopes: [...this.pushScopes, `repository:${fromRepository}:pull`],
        signal: op.signal,
        retry: false,
      });
      await discard(answer);
      if (answer.status === 202) {
        await cancelUpload(this.#client, uploadLocation(answer, this.#client.origin), this.pushScopes);
      }
      return answer.status === 201;
    } catch (error) {
      // Whatever a registry has against mounting, it may still take the bytes.
      if (isOciError(error) && error.facts.status !== undefined) {
        return false;
      }
      throw error;
    }
  }

  async delete(descriptor: Descriptor, op: Op = {}): Promise<void> {
    const { bytes, descriptor: found } = await this.manifest(descriptor.digest, op);
    const { subject } = parseManifest(bytes, found.mediaType);
    const remove = (): Promise<void> => this.#delete(descriptor.digest, op);
    await (subject ? this.#referrers.remove(subject, descriptor.digest, remove, op) : remove());
  }

  async untag(tag: string, op: Op = {}): Promise<void> {
    const own = quirksOf(this.#client.host)?.untag;
    try {
      await this.#delete(tag, op);
    } catch (error) {
      if (!own || !isOciError(error, 'unsupported')) throw error;
      await this.#remove(own(this.repository, tag), op);
    }
  }

  async #delete(ref: string, op: Op): Promise<void> {
    try {
      await this.#remove(this.#manifestUrl(ref), op);
    } catch (error) {
      if (isOciError(error, 'request-refused') && error.facts.status === 400) {
        throw new OciError('unsupported', error.message, { ...error.facts, cause: error });
      }
      throw error;
    }
  }

  async #remove(url: string, { signal }: Op): Promise<void> {
    const scopes = [`repository:${this.repository}:delete,pull,push`];
    await discard(await this.#client.send({ method: 'DELETE', url, scopes, signal }));
  }

  get pullScopes(): readonly string[] {
    return [`repository:${this.repository}:pull`];
  }

  get pushScopes(): readonly string[] {
    return [`repository:${this.repository}:pull,push`];
  }

  /** @throws {OciError} `reference-invalid` for what is no tag and no digest */
  #manifestUrl(ref: string): string {
    if (!isTag(ref) && !isDigest(ref)) {
      throw new OciError('reference-invalid', `Not a tag or digest: ${ref.slice(0, 200)}`);
    }
    return `/v2/${this.repository}/manifests/${ref}`;
  }

  #blobUrl(digest: Digest): string {
    return `/v2/${this.repository}/blobs/${parseDigest(digest)}`;
  }
}
