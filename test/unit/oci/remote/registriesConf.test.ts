import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  endpointsOf,
  insecureBy,
  isInsecureEndpoint,
  nameAt,
  readRegistriesConf,
  ruleFor,
  type ConfMachine,
} from '../../../../src/oci/remote/registriesConf.ts';

const system = '/etc/containers/registries.conf';
const own = '/home/ann/.config/containers/registries.conf';

/** A machine that has these files. */
function machine(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): ConfMachine & { readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  return {
    env,
    home: '/home/ann',
    readFile: (path) => (Object.hasOwn(files, path) ? files[path] : undefined),
    readFolder: (path) =>
      Object.keys(files).flatMap((file) =>
        file.startsWith(`${path}/`) ? [file.slice(path.length + 1)] : [],
      ),
    warn: (text) => warnings.push(text),
    warnings,
  };
}

const one = (location: string): string => `[[registry]]\nlocation = "${location}"\ninsecure = true\n`;
const prefixes = (...args: Parameters<typeof machine>): readonly string[] =>
  readRegistriesConf(machine(...args)).map(({ prefix }) => prefix);

const full = `
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"
credential-helpers = ["containers-auth.json"]

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.corp.example/hub"
[[registry.mirror]]
location = "localhost:5001"
insecure = true
pull-from-mirror = "digest-only"

[[registry]]
prefix = "docker.io/team"
location = "registry.corp.example/team-of-hub"

[[registry]]
prefix = "*.dev.example"
insecure = true

[[registry]]
location = "evil.example"
blocked = true

[[registry]]
location = "plain.example:5000/only/here"
insecure = true

[aliases]
"alpine" = "docker.io/library/alpine"
`;
const rules = readRegistriesConf(machine({ [system]: full }));

describe('registries.conf', () => {
  it('of Debian’s podman and skopeo has no rule, and its example is understood', () => {
    const shipped = readFileSync('test/fixtures/containers/registries.conf', 'utf8');
    assert.deepEqual(prefixes({ [system]: shipped }), []);
    const example = shipped
      .slice(shipped.indexOf('# [[registry]]'))
      .split('\n')
      .filter((line) => /^# (?:\[\[|\w+ = )/.test(line))
      // As it is shipped, a quote is missing.
      .map((line) => line.slice(2).replace('= internal', '= "internal'));
    const read = machine({ [system]: example.join('\n') });
    const [rule] = readRegistriesConf(read);
    assert.deepEqual(read.warnings, []);
    assert.ok(rule);
    assert.deepEqual(
      endpointsOf(rule, 'tag').map((at) => `${at.host}/${nameAt(at, rule, 'example.com', 'foo/image')}`),
      [
        'example-mirror-0.local/mirror-for-foo/image',
        'example-mirror-1.local/mirrors/foo/image',
        'internal-registry-for-example.com/bar/image',
      ],
    );
  });

  it('is the file of the environment alone, else that of the user before that of the system', () => {
    const files = {
      [system]: one('system.example'),
      [`${system}.d/10.conf`]: one('more.example'),
      [`${own}.d/10.conf`]: one('own-more.example'),
      '/x.conf': one('named.example'),
    };
    assert.deepEqual(prefixes(files), ['system.example', 'more.example', 'own-more.example']);
    const both = { ...files, [own]: one('own.example') };
    assert.deepEqual(prefixes(both), ['own.example', 'own-more.example']);
    assert.deepEqual(prefixes(both, { CONTAINERS_REGISTRIES_CONF: '/x.conf' }), ['named.example']);
    assert.deepEqual(prefixes(both, { CONTAINERS_REGISTRIES_CONF: '/gone.conf' }), []);
  });

  it('takes of several rules for one prefix the last, folders by the order of their names', () => {
    const files = {
      [system]: one('a.example'),
      [`${system}.d/20.conf`]: '[[registry]]\nlocation = "a.example"\nblocked = true',
      [`${system}.d/10.conf`]: one('a.example'),
      [`${system}.d/30.disabled`]: one('b.example'),
    };
    const read = readRegistriesConf(machine(files));
    assert.deepEqual(
      read.map(({ prefix, isBlocked, isInsecure, file }) => [prefix, isBlocked, isInsecure, file]),
      [['a.example', true, false, `${system}.d/20.conf`]],
    );
  });

  it('that is broken is passed over, and said without quoting it', () => {
    const read = machine({
      [system]: 'secret = = "C4nary"',
      [`${system}.d/10.conf`]: one('a.example'),
      [`${system}.d/20.conf`]: [
        '[[registry]]\ninsecure = true',
        '[[registry]]\nprefix = "https://x.example"\nlocation = "x.example"',
        '[[registry]]\nprefix = "x.example"\nlocation = "../../x"',
      ].join('\n'),
      [`${system}.d/30.conf`]: 'registry = "docker.io"',
      [`${system}.d/40.conf`]: '[registries.insecure]\nregistries = ["old.example"]',
    });
    assert.deepEqual(
      readRegistriesConf(read).map(({ prefix }) => prefix),
      ['a.example'],
    );
    assert.equal(read.warnings.length, 4);
    assert.match(read.warnings[0] ?? '', /registries\.conf is passed over: it cannot be read in line 1/);
    assert.doesNotMatch(read.warnings.join(), /C4nary/);
  });

  for (const [host, repository, prefix] of [
    ['docker.io', 'library/alpine', 'docker.io'],
    ['docker.io', 'team/app', 'docker.io/team'],
    ['docker.io', 'team', 'docker.io/team'],
    ['docker.io', 'teams/app', 'docker.io'],
    ['docker.io', undefined, 'docker.io'],
    ['a.dev.example', 'x', '*.dev.example'],
    ['a.b.dev.example:5000', 'x', '*.dev.example'],
    ['dev.example', 'x', undefined],
    ['notdev.example', 'x', undefined],
    ['plain.example:5000', undefined, undefined],
    ['plain.example:5000', 'only/here', 'plain.example:5000/only/here'],
    ['plain.example', 'only/here', undefined],
  ] as const) {
    it(`has for ${host}/${repository ?? ''} the rule ${prefix ?? 'of nobody'}`, () => {
      assert.equal(ruleFor(rules, host, repository)?.prefix, prefix);
    });
  }

  it('says which places stand for a repository, for tags and for digests', () => {
    const places = (repository: string, kind: 'tag' | 'digest'): readonly string[] => {
      const rule = ruleFor(rules, 'docker.io', repository);
      return rule
        ? endpointsOf(rule, kind).map((at) => `${at.host}/${nameAt(at, rule, 'docker.io', repository)}`)
        : [];
    };
    assert.deepEqual(places('library/alpine', 'tag'), ['mirror.corp.example/hub/library/alpine']);
    assert.deepEqual(places('library/alpine', 'digest'), [
      'mirror.corp.example/hub/library/alpine',
      'localhost:5001/library/alpine',
    ]);
    assert.deepEqual(places('team/app', 'tag'), ['registry.corp.example/team-of-hub/app']);
  });

  for (const [host, file] of [
    // Only as a mirror.
    ['localhost:5001', undefined],
    ['a.dev.example', system],
    ['docker.io', undefined],
    ['mirror.corp.example', undefined],
    ['evil.example', undefined],
    // Said of some of its repositories is not said of the host.
    ['plain.example:5000', undefined],
  ] as const) {
    it(`${file === undefined ? 'does not let' : 'lets'} ${host} be spoken to without TLS that verifies`, () => {
      assert.equal(insecureBy(rules, host), file);
    });
  }

  it('lets a host be spoken to so in place of another where it says so of the mirror or the location', () => {
    const moved = readRegistriesConf(
      machine({
        [system]: '[[registry]]\nprefix = "old.example"\nlocation = "new.example/team"\ninsecure = true',
      }),
    );
    assert.deepEqual(
      ['localhost:5001', 'mirror.corp.example', 'docker.io', 'a.dev.example'].map((host) =>
        isInsecureEndpoint(rules, host),
      ),
      [true, false, false, false],
    );
    assert.deepEqual(
      ['new.example', 'old.example'].map((host) => [
        isInsecureEndpoint(moved, host),
        insecureBy(moved, host),
      ]),
      [
        [true, undefined],
        [false, undefined],
      ],
    );
  });
});
