import { localRegistry } from '../../src/oci/layout/localRegistry.ts';
import { stagePull } from '../../src/packaging/pull.ts';
import { manifestToPull } from '../../src/packaging/pullManifest.ts';
import { planPull } from '../../src/packaging/pullPlan.ts';

/** A process of its own, for its memory: pulls a tag of a folder of layouts, and prints the most KiB it ever held. */
const [folder = '', repository = '', tag = '', target = ''] = process.argv.slice(2);
const store = localRegistry(folder).repository(repository);
const { manifest } = await manifestToPull(store, tag, ([first]) =>
  first ? Promise.resolve(first) : Promise.reject(new Error('Nothing to choose')),
);
const staged = await stagePull(store, planPull(manifest), target);
await staged.commit();
await staged.dispose();
console.log(process.resourceUsage().maxRSS);
