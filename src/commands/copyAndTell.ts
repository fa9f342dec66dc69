import { showError } from '../host/registerCommand.ts';
import type { Services } from '../host/services.ts';
import type { CommandId } from '../contributions.ts';
import { runCopies, tellOutcome, withDigest, type CopyRun } from './copying.ts';
import { targetText, type RepositoryTarget } from './targets.ts';

/** Copies to one repository, shows there what came, and says how it ended. @param run `done` is what is said when all went well */
export async function copyAndTell(
  command: CommandId,
  { done, ...run }: CopyRun & { readonly done: string },
  { place, repository }: RepositoryTarget,
  services: Services,
): Promise<void> {
  const [first, ...others] = run.jobs;
  const isOne = others.length === 0;
  let outcomes;
  try {
    outcomes = await runCopies(run, services);
  } finally {
    services.events.changed.fire({ place: place.id, repository });
  }
  const [root] = outcomes.flatMap((outcome) => outcome.root ?? []);
  const ref = isOne ? (first?.tag ?? root?.digest) : undefined;
  const told = tellOutcome(
    outcomes,
    {
      done: withDigest(done, isOne ? root : undefined),
      target: { place: place.id, repository, ...(ref === undefined ? {} : { ref }) },
      reference: targetText({ place, repository }, ref),
    },
    run.again,
  );
  // Not awaited: a message may stay open for ever.
  void told.catch((error: unknown) => showError(error, command));
}
