import type { Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { OciError } from '../errors.ts';
import { maxManifestSize, parseManifest, type AnyManifest } from '../manifest.ts';
import { MediaType } from '../mediaTypes.ts';
import { pageOf } from '../pages.ts';
import { ofArtifactType, referrerDescriptor, withoutReferrer, withReferrer } from '../referrersTag.ts';
import type { Op, Page, PageOp, ReferrersPage } from '../store.ts';
import { registryHeader, type Answer } from './answer.ts';
import type { Client } from './client.ts';
import { registryErrors, statusError, withFacts } from './errors.ts';
import { FallbackTags } from './fallbackTags.ts';
import { nextLink, nextPage } from './links.ts';
import { machineLocked } from './machineLock.ts';
import type { RemoteRepository } from './repository.ts';

type ReferrersOp = PageOp & { readonly artifactType?: string | undefined };

/** Referrers of one repository: by the API where there is one, by the fallback tag where there is none. */
export class Referrers {
  readonly #repository: RemoteRepository;
  readonly #client: Client;
  /** Whether the registry has the API; unknown before the first answer. */
  #hasApi: boolean | undefined;
  /** Whether the last referrer that was sent was entered by the registry, as its answer told. */
  #enters: boolean | undefined;
  readonly #tags: FallbackTags;
  /** The last change of each subject's referrers; the next waits for it. */
  readonly #turns = new Map<Digest, Promise<unknown>>();

  constructor(repository: RemoteRepository, client: Client) {
    this.#repository = repository;
    this.#client = client;
    this.#tags = new FallbackTags(repository, client);
  }

  async list(of: Descriptor, op: ReferrersOp): Promise<ReferrersPage> {
    if (this.#hasApi !== false) {
      const page = await this.#byApi(of, op);
      if (page) {
        return page;
      }
    }
    const entries = await this.#tags.list(of.digest, op);
    return { ...pageOf(ofArtifactType(entries, op.artifactType), op), byTag: true };
  }

  /** Undefined: there is no API. */
  async #byApi(of: Descriptor, op: ReferrersOp): Promise<Page<Descriptor> | undefined> {
    const endpoint = `/v2/${this.#repository.repository}/referrers/${of.digest}`;
    const query = op.artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(op.artifactType)}`;
    const url = op.page ?? `${endpoint}${query}`;
    if (url !== endpoint && !url.startsWith(`${endpoint}?`)) {
      throw new OciError('internal', 'A page of another list');
    }
    const answer = await this.#client.read(
      {
        method: 'GET',
        url,
        headers: { accept: MediaType.index },
        scopes: this.#repository.pullScopes,
        signal: op.signal,
        expect: [400, 404, 405, 406, 501],
      },
      maxManifestSize,
    );
    if (answer.status !== 200) {
      this.#noApi(answer);
      return undefined;
    }
    const type = registryHeader(answer, 'content-type')?.split(';', 1)[0]?.trim() ?? '';
    if (type !== MediaType.index) {
      // A web page is of something in between, and may be gone the next time.
      this.#hasApi = /html/i.test(type) ? undefined : false;
      return undefined;
    }
    const index = parsed(answer, () => parseManifest(answer.bytes, MediaType.index));
    const isFiltered = (registryHeader(answer, 'oci-filters-applied') ?? '')
      .split(/\s*,\s*/)
      .includes('artifactType');
    const listed = index.kind === 'index' ? index.manifests : [];
    const next = nextPage(nextLink(registryHeader(answer, 'link')), endpoint, url);
    this.#hasApi = true;
    return {
      items: isFiltered ? listed : ofArtifactType(listed, op.artifactType),
      ...(next === undefined ? {} : { next }),
    };
  }

  /** @throws {OciError} `not-found` when it is the repository that is missing */
  #noApi(answer: Answer & { readonly bytes: Buffer }): void {
    const body = answer.bytes.toString('utf8');
    if (answer.status === 404 && registryErrors(body)[0]?.code === 'NAME_UNKNOWN') {
      throw statusError(404, body, answer.facts);
    }
    this.#hasApi = false;
  }

  /**
   * Sends a referrer and enters it where the registry does not do that itself. Those of one subject come one after another as
   * long as the registry may enter them: olareg 0.1.2 loses some of those that come at once.
   * @param put sends the manifest
   */
  async add(
    subject: Descriptor,
    descriptor: Descriptor,
    manifest: AnyManifest,
    put: () => Promise<Answer>,
    op: Op,
  ): Promise<void> {
    await this.#inTurn(subject.digest, async () => {
      this.#enters = registryHeader(await put(), 'oci-subject') !== undefined;
    });
    if (!this.#enters) {
      const entry = referrerDescriptor(descriptor, manifest);
      await this.#tags.change(subject.digest, (entries) => withReferrer(entries, entry), op);
    }
  }

  /** Deletes a referrer, and takes it out of the fallback tag where the registry does not do that itself. */
  async remove(subject: Descriptor, digest: Digest, remove: () => Promise<void>, op: Op): Promise<void> {
    await this.#inTurn(subject.digest, remove);
    this.#hasApi ??= (await this.#byApi(subject, op)) !== undefined;
    if (!this.#hasApi) {
      await this.#tags.change(subject.digest, (entries) => withoutReferrer(entries, digest), op);
    }
  }

  /** One at a time, in this process and among those of this machine, until the registry is known to enter nothing itself. */
  async #inTurn(subject: Digest, work: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(subject);
    const { promise: turn, resolve: end } = Promise.withResolvers<undefined>();
    this.#turns.set(subject, turn);
    try {
      await before;
      if (this.#enters === false) {
        end(undefined);
        await work();
      } else {
        const { origin } = this.#client;
        await machineLocked(`${origin} ${this.#repository.repository} ${subject}`, work);
      }
    } finally {
      end(undefined);
      if (this.#turns.get(subject) === turn) {
        this.#turns.delete(subject);
      }
    }
  }
}

/** What was read, its errors with what is known of the answer. */
function parsed<T>(answer: Answer, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw withFacts(error, answer.facts);
  }
}
