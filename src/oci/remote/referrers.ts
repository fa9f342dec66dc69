import { setTimeout as delay } from 'node:timers/promises';
import type { Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { isOciError, OciError } from '../errors.ts';
import { maxManifestSize, parseManifest, type AnyManifest } from '../manifest.ts';
import { MediaType } from '../mediaTypes.ts';
import { pageOf } from '../pages.ts';
import {
  encodeReferrersIndex,
  ofArtifactType,
  parseReferrersIndex,
  referrerDescriptor,
  referrersTag,
  withoutReferrer,
  withReferrer,
} from '../referrersTag.ts';
import type { Op, Page, PageOp, ReferrersPage } from '../store.ts';
import { refuseHtml, registryHeader, type Answer } from './answer.ts';
import type { Client } from './client.ts';
import { registryErrors, statusError, withFacts } from './errors.ts';
import { nextLink, nextPage } from './links.ts';
import type { RemoteRepository } from './repository.ts';

const maxUpdates = 12;

type ReferrersOp = PageOp & { readonly artifactType?: string | undefined };

/** Referrers of one repository: by the API where there is one, by the fallback tag where there is none. */
export class Referrers {
  readonly #repository: RemoteRepository;
  readonly #client: Client;
  /** Whether the registry has the API; unknown before the first answer. */
  #hasApi: boolean | undefined;
  /** The last change of each subject's referrers; the next waits for it. */
  readonly #turns = new Map<Digest, Promise<unknown>>();

  constructor(repository: RemoteRepository, client: Client) {
    this.#repository = repository;
    this.#client = client;
  }

  async list(of: Descriptor, op: ReferrersOp): Promise<ReferrersPage> {
    if (this.#hasApi !== false) {
      const page = await this.#byApi(of, op);
      if (page) {
        return page;
      }
    }
    const entries = await this.#byTag(of.digest, op);
    return { ...pageOf(ofArtifactType(entries.manifests, op.artifactType), op), byTag: true };
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

  async #byTag(
    subject: Digest,
    op: Op,
  ): Promise<{ readonly manifests: readonly Descriptor[]; readonly etag: string | undefined }> {
    const answer = await this.#client.read(
      {
        method: 'GET',
        url: `/v2/${this.#repository.repository}/manifests/${referrersTag(subject)}`,
        headers: { accept: MediaType.index },
        scopes: this.#repository.pullScopes,
        signal: op.signal,
        expect: [404],
      },
      maxManifestSize,
    );
    if (answer.status === 404) {
      return { manifests: [], etag: undefined };
    }
    refuseHtml(answer);
    const type = registryHeader(answer, 'content-type')?.split(';', 1)[0]?.trim() ?? '';
    // GitLab takes the tag for the subject's digest: an index that is the subject lists no referrers.
    if (registryHeader(answer, 'docker-content-digest') === subject) {
      return { manifests: [], etag: undefined };
    }
    const { manifests } = parsed(answer, () => parseReferrersIndex(answer.bytes, type));
    return { manifests, etag: registryHeader(answer, 'etag') };
  }

  /**
   * One change of a subject's referrers at a time in this process; those of other processes are seen by reading back. With
   * the API too: olareg 0.1.2 loses referrers that are pushed at once.
   */
  inTurn<T>(subject: Digest, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(subject) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(subject, turn);
    return turn.finally(() => {
      if (this.#turns.get(subject) === turn) {
        this.#turns.delete(subject);
      }
    });
  }

  /** Enters a referrer under the fallback tag. @throws {OciError} `busy` when others write the same tag all the time */
  add(subject: Descriptor, descriptor: Descriptor, manifest: AnyManifest, op: Op): Promise<void> {
    const entry = referrerDescriptor(descriptor, manifest);
    return this.#write(subject.digest, (entries) => withReferrer(entries, entry), op);
  }

  /** Takes a referrer out of the fallback tag; with an API the registry does it. */
  async remove(subject: Descriptor, digest: Digest, op: Op): Promise<void> {
    this.#hasApi ??= (await this.#byApi(subject, op)) !== undefined;
    if (!this.#hasApi) {
      await this.#write(subject.digest, (entries) => withoutReferrer(entries, digest), op);
    }
  }

  async #write(
    subject: Digest,
    change: (entries: readonly Descriptor[]) => readonly Descriptor[] | undefined,
    op: Op,
  ): Promise<void> {
    for (let attempt = 0; attempt < maxUpdates; attempt++) {
      const { manifests, etag } = await this.#byTag(subject, op);
      const changed = change(manifests);
      if (!changed) {
        // Read back, or there from the start: what was wanted is what stands there.
        return;
      }
      const { descriptor, bytes } = encodeReferrersIndex(changed);
      try {
        const headers = etag === undefined ? {} : { 'if-match': etag };
        await this.#repository.putManifest(referrersTag(subject), descriptor, bytes, op, headers);
      } catch (error) {
        if (!isOciError(error) || error.facts.status !== 412) {
          throw error;
        }
      }
      if (attempt > 0) {
        await delay(Math.random() * 50 * 2 ** Math.min(attempt, 5), undefined, { signal: op.signal });
      }
    }
    throw new OciError('busy', `Others write the referrers of ${subject} all the time`, {
      host: this.#client.host,
    });
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
