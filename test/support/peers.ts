import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, exists, once, say, timed } from './cache.ts';
import { run, type Output, type RunOptions } from './run.ts';

const goModule = path.join(import.meta.dirname, 'go');

/** Programs with a Go module of their own, as their dependencies do not agree with the others'. */
const ownModules: Readonly<Record<string, string>> = {
  helm: path.join(import.meta.dirname, 'go-helm'),
  notation: path.join(import.meta.dirname, 'go-notation'),
  cosign: path.join(import.meta.dirname, 'go-cosign'),
};

/** Programs of the Go module in `test/support/go`, pinned by its go.sum; each with the package it is built from. */
const goPeers = {
  oras: 'oras.land/oras/cmd/oras',
  crane: 'github.com/google/go-containerregistry/cmd/crane',
  regctl: 'github.com/regclient/regclient/cmd/regctl',
  olareg: 'github.com/olareg/olareg/cmd/olareg',
  registry: 'github.com/distribution/distribution/v3/cmd/registry',
  htpasswd: './htpasswd',
  helm: 'helm.sh/helm/v3/cmd/helm',
  notation: 'github.com/notaryproject/notation/cmd/notation',
  cosign: 'github.com/sigstore/cosign/v2/cmd/cosign',
} as const;

/** Packages of Debian whose names are others than those of their programs. */
const packages: Readonly<Record<string, string>> = {
  'docker-credential-pass': 'golang-docker-credential-helpers',
};

/** Programs of Debian packages of the same name, but for those above. */
const debianPeers = {
  skopeo: '/usr/bin/skopeo',
  buildah: '/usr/bin/buildah',
  podman: '/usr/bin/podman',
  umoci: '/usr/bin/umoci',
  'docker-registry': '/usr/bin/docker-registry',
  chromium: '/usr/bin/chromium',
  tinyproxy: '/usr/bin/tinyproxy',
  nginx: '/usr/sbin/nginx',
  'docker-credential-pass': '/usr/bin/docker-credential-pass',
  pass: '/usr/bin/pass',
  gpg: '/usr/bin/gpg',
} as const;

type GoPeer = keyof typeof goPeers;
type DebianPeer = keyof typeof debianPeers;
export type Peer = GoPeer | DebianPeer;

/** The path of a peer, which is built or installed first where it is missing. */
export function peer(name: Peer): Promise<string> {
  return name in goPeers ? goPeer(name as GoPeer) : debianPeer(name as DebianPeer);
}

/** @throws {Error} with what the program said, when it ends with anything but 0 */
export async function runPeer(
  name: Exclude<
    Peer,
    | 'registry'
    | 'docker-registry'
    | 'htpasswd'
    | 'chromium'
    | 'tinyproxy'
    | 'nginx'
    | 'docker-credential-pass'
    | 'pass'
    | 'gpg'
  >,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Output> {
  return run(await peer(name), args, { ...options, env: { DOCKER_CONFIG: emptyConfig(), ...options.env } });
}

/** All of them, one after the other: each compiles on all processors. */
export async function installPeers(): Promise<void> {
  for (const name of Object.keys(debianPeers)) {
    await debianPeer(name as DebianPeer);
  }
  for (const name of Object.keys(goPeers)) {
    await goPeer(name as GoPeer);
  }
}

async function goPeer(name: GoPeer): Promise<string> {
  const folder = ownModules[name] ?? goModule;
  const sum = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', ...(folder === goModule ? ['htpasswd/main.go'] : [])]) {
    sum.update(readFileSync(path.join(folder, file)));
  }
  const binary = path.join(cacheFolder, 'peers', sum.digest('hex').slice(0, 16), name);
  return once(binary, () =>
    timed(`Building ${name} from ${goPeers[name]}`, async () => {
      mkdirSync(path.dirname(binary), { recursive: true });
      await run('go', ['build', '-o', `${binary}.new`, goPeers[name]], { cwd: folder });
      renameSync(`${binary}.new`, binary);
    }),
  );
}

function debianPeer(name: DebianPeer): Promise<string> {
  return once(debianPeers[name], () =>
    timed(`Installing the Debian package ${packages[name] ?? name}`, () =>
      aptInstall(packages[name] ?? name),
    ),
  );
}

async function aptInstall(name: string): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // One apt at a time: other processes may be installing another package.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  try {
    try {
      await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', name], { env });
    } catch {
      await run('apt-get', [...wait, 'update'], { env });
      await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', name], { env });
    }
  } catch (cause) {
    say(`Please install ${name} by hand: apt-get install ${name}`);
    throw cause;
  }
}

/** Peers must not see the credentials of whoever runs the tests. */
function emptyConfig(): string {
  const folder = path.join(cacheFolder, 'docker-config');
  const file = path.join(folder, 'config.json');
  if (!exists(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, '{}');
  }
  return folder;
}
