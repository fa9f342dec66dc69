import type { Services } from '../host/services.ts';
import type { PushAnswers } from './askPush.ts';

/** A push that ended well, as it was answered. */
export interface LastPush {
  /** Absolute. */
  readonly paths: readonly string[];
  readonly answers: PushAnswers;
  readonly keepFileTimes: boolean;
}

const pushes = new WeakMap<Services, LastPush>();

/** The last push of this window. */
export function lastPush(services: Services): LastPush | undefined {
  return pushes.get(services);
}

export function rememberPush(services: Services, push: LastPush): void {
  pushes.set(services, push);
}
