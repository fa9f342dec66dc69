import { Limiter } from '../../base/limiter.ts';
import { isOciError } from '../errors.ts';
import { networkError } from './errors.ts';

/** More are never under way: more connections than there are. */
const most = 64;
const least = 2;

/**
 * How many requests a registry is asked at once: half as many when it says that it is asked too often or takes no connection,
 * and slowly more again while it answers.
 */
export class Crowd {
  readonly #limiter = new Limiter(most);
  #width = most;
  #running = 0;
  #lowered = 0;

  /** One request, until its headers are there; it must not wait for another. */
  run<T extends { readonly status: number }>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#limiter.run(async () => {
      const lowered = this.#lowered;
      this.#running++;
      try {
        const answer = await task();
        if (answer.status === 429) {
          this.#lower(lowered);
        } else {
          this.#be(Math.min(most, this.#width + 1 / this.#width));
        }
        return answer;
      } catch (error) {
        if (isOciError(networkError(error, {}), 'unreachable')) {
          this.#lower(lowered);
        }
        throw error;
      } finally {
        this.#running--;
      }
    }, signal);
  }

  /** What was begun before the last time says nothing new. */
  #lower(lowered: number): void {
    if (lowered === this.#lowered) {
      this.#lowered++;
      this.#be(Math.max(least, Math.floor(this.#running / 2)));
    }
  }

  #be(width: number): void {
    this.#width = width;
    this.#limiter.resize(Math.floor(width));
  }
}
