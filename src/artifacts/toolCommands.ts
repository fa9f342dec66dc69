import { withoutControls } from '../base/controls.ts';
import { Annotation, type Descriptor } from '../oci/descriptor.ts';
import type { AnyManifest, Manifest } from '../oci/manifest.ts';
import { MediaType } from '../oci/mediaTypes.ts';
import type { PullTarget } from './pullCommand.ts';
import { shellWord } from './shellWord.ts';

export interface CommandTarget extends PullTarget {
  /** HTTPS, but with a certificate that other tools do not know. */
  readonly insecure: boolean;
}

export type ToolAction = 'pull' | 'copy' | 'push';

export interface ToolCommand {
  readonly tool: string;
  readonly action: ToolAction;
  /** For a POSIX shell; a copy goes to the reference in the variable `TARGET`. */
  readonly command: string;
  /** What of the content the tool does not restore. */
  readonly without?: 'links and modes';
}

/** What a tool cannot do with an artifact of files as it is packed. */
export interface ToolGap {
  readonly tool: string;
  readonly action: ToolAction;
  readonly why: GapReason;
}

/** `gzip`: of folders it knows gzip alone; `split`: a folder is one layer to it; `nested`: it mixes up folders and files in folders. */
export type GapReason = 'gzip' | 'split' | 'folders' | 'nested';

interface Row {
  readonly tool: keyof typeof tlsFlags;
  readonly action: ToolAction;
  /** Artifacts of files, or everything else; default: both. */
  readonly of?: 'files' | 'others';
  readonly remote: string;
  /** Of what is on disk; absent: the tool reads no layout, or not this way. */
  readonly layout?: string;
}

/** What each tool has to be told of plain HTTP, and of a certificate that is not to be checked; of a copy, of its source. */
const tlsFlags = {
  oras: { http: '--plain-http', insecure: '--insecure' },
  'oras cp': { http: '--from-plain-http', insecure: '--from-insecure' },
  regctl: {
    http: '--host reg={registry},tls=disabled',
    insecure: '--host reg={registry},tls=insecure',
  },
  crane: { http: '--insecure', insecure: '--insecure' },
  skopeo: { http: '--src-tls-verify=false', insecure: '--src-tls-verify=false' },
} as const;

/**
 * `{tls}` stands for the flags above, `{files}` for what is pushed, `{out}` for a new name in the current folder. A row whose
 * words are not all known, or that its tool would not take, is left out.
 */
const rows: readonly Row[] = [
  {
    tool: 'oras',
    action: 'pull',
    remote: 'oras pull {tls} {ref}',
    layout: 'oras pull --oci-layout {ref}',
  },
  {
    tool: 'regctl',
    action: 'pull',
    of: 'files',
    remote: 'mkdir -p {out} && regctl artifact get {tls} {regctlPull} --output {out} {ref}',
    layout: 'mkdir -p {out} && regctl artifact get {regctlPull} --output {out} {ocidir}',
  },
  {
    tool: 'regctl',
    action: 'pull',
    of: 'others',
    remote: 'regctl image export {tls} {ref} {out}.tar',
    layout: 'regctl image export {ocidir} {out}.tar',
  },
  { tool: 'crane', action: 'pull', remote: 'crane pull {tls} --format oci {ref} {out}' },
  {
    tool: 'skopeo',
    action: 'pull',
    remote: 'skopeo copy --all --preserve-digests {tls} docker://{ref} oci:{out}',
    layout: 'skopeo copy --all --preserve-digests {oci} oci:{out}',
  },
  {
    tool: 'oras cp',
    action: 'copy',
    remote: 'oras cp {tls} {ref} "$TARGET"',
    layout: 'oras cp --from-oci-layout {ref} "$TARGET"',
  },
  {
    tool: 'regctl',
    action: 'copy',
    remote: 'regctl image copy {tls} {ref} "$TARGET"',
    layout: 'regctl image copy {ocidir} "$TARGET"',
  },
  { tool: 'crane', action: 'copy', remote: 'crane copy {tls} {ref} "$TARGET"' },
  {
    tool: 'skopeo',
    action: 'copy',
    remote: 'skopeo copy --all --preserve-digests {tls} docker://{ref} docker://"$TARGET"',
    layout: 'skopeo copy --all --preserve-digests {oci} docker://"$TARGET"',
  },
  {
    tool: 'oras',
    action: 'push',
    of: 'files',
    remote: 'oras push {tls} {orasFlags} {ref} {orasFiles}',
    layout: 'oras push --oci-layout {orasFlags} {ref} {orasFiles}',
  },
  {
    tool: 'regctl',
    action: 'push',
    of: 'files',
    remote: 'regctl artifact put {tls} {regctlFlags} {ref}',
    layout: 'regctl artifact put {regctlFlags} {ocidir}',
  },
];

/** Most characters of a command that is offered: terminals take no longer lines. */
const maxCommand = 4000;

/**
 * How other tools pull, copy and, of an artifact of files, push it again from the folder they were pulled to. Everything that
 * comes from a server or the file system is one word of the command, whatever is in it.
 * @param manifest undefined where only a `HEAD` was made
 */
export function toolCommands(
  target: CommandTarget,
  manifest: AnyManifest | undefined,
): readonly ToolCommand[] {
  const files = filesOf(manifest);
  const gaps = toolGaps(target, manifest);
  const values: Values = {
    ...targetWords(target),
    ...pullWords(manifest),
    ...(files && target.tag !== undefined ? pushWords(files) : {}),
  };
  return rows.flatMap(({ tool, action, of, remote, layout }) => {
    const template = target.kind === 'remote' ? remote : layout;
    const isGap = gaps.some((gap) => gap.tool === tool && gap.action === action);
    const fits = !isGap && (of === undefined || (of === 'files') === (files !== undefined));
    const command =
      template === undefined || !fits ? undefined : filled(withTls(template, tool, target), values);
    return command === undefined || command.length > maxCommand
      ? []
      : [
          {
            tool: tool === 'oras cp' ? 'oras' : tool,
            action,
            command,
            ...(tool === 'regctl' && action === 'pull' && files && isPacked(files)
              ? { without: 'links and modes' }
              : {}),
          },
        ];
  });
}

/** What is left out of the commands as the tool would give something else, or fail. */
export function toolGaps(target: CommandTarget, manifest: AnyManifest | undefined): readonly ToolGap[] {
  const layers = manifest?.kind === 'manifest' ? manifest.layers : [];
  const packed = layers.filter(isFolder);
  const gaps: ToolGap[] = [];
  if (packed.some(isNoGzip)) {
    gaps.push({ tool: 'oras', action: 'pull', why: 'gzip' });
  }
  const files = filesOf(manifest);
  if (files && packed.length > 0) {
    if (layers.some((layer) => !isFolder(layer) && titleOf(layer).includes('/'))) {
      gaps.push({ tool: 'regctl', action: 'pull', why: 'nested' });
    }
    if (target.tag !== undefined && pushWords(files)['orasFlags']) {
      const isSplit = packed.some((folder) =>
        layers.some((layer) => titleOf(layer).startsWith(`${titleOf(folder)}/`)),
      );
      if (isSplit || packed.some(isNoGzip)) {
        gaps.push({ tool: 'oras', action: 'push', why: isSplit ? 'split' : 'gzip' });
      }
      gaps.push({ tool: 'regctl', action: 'push', why: 'folders' });
    }
  }
  return gaps;
}

function isPacked({ layers }: Manifest): boolean {
  return layers.some(isFolder);
}

function isFolder({ annotations }: Descriptor): boolean {
  return annotations?.[Annotation.unpack] === 'true';
}

/** Of a folder: a tar whose digest is that of the layer is not compressed; of anything else oras makes gzip, whatever it calls it. */
function isNoGzip({ mediaType, digest, annotations }: Descriptor): boolean {
  return /[+.]zstd?$/.test(mediaType) || annotations?.[Annotation.contentDigest] === digest;
}

/** Words of a command by the placeholder they stand for; undefined: not known, or not for this tool. */
type Values = Readonly<Record<string, readonly string[] | undefined>>;

function withTls(template: string, tool: Row['tool'], { plainHttp, insecure }: CommandTarget): string {
  const { [tool]: flags } = tlsFlags;
  return template.replace(/\{tls\} /, plainHttp ? `${flags.http} ` : insecure ? `${flags.insecure} ` : '');
}

function targetWords({ kind, registry, repository, tag, digest }: CommandTarget): Values {
  const suffix = tag === undefined ? `@${digest}` : `:${tag}`;
  const base = kind === 'layout' ? registry : `${registry}/${repository}`;
  return {
    registry: [registry],
    ref: [`${base}${suffix}`],
    out: [repository.split('/').at(-1) ?? ''],
    // What the grammars of regctl and skopeo take as a path; skopeo knows no digests in a layout.
    ocidir: /^[/\w\-. ~+]+$/.test(base) ? [`ocidir://${base}${suffix}`] : undefined,
    oci: tag === undefined || base.includes(':') ? undefined : [`oci:${base}:${tag}`],
  };
}

/** A manifest that tools make of files alone: an empty config, and names that stay in the folder. */
function filesOf(manifest: AnyManifest | undefined): Manifest | undefined {
  return manifest?.kind === 'manifest' &&
    manifest.config?.mediaType === MediaType.empty &&
    manifest.layers.length > 0 &&
    manifest.layers.every((layer) => isSafeTitle(titleOf(layer)))
    ? manifest
    : undefined;
}

function titleOf({ annotations }: Descriptor): string {
  return annotations?.[Annotation.title] ?? '';
}

function isSafeTitle(title: string): boolean {
  return (
    isLine(title) &&
    title !== '' &&
    !/^(?:\/|[A-Za-z]:)/.test(title) &&
    !title.includes('\\') &&
    !title.split('/').includes('..')
  );
}

/** A terminal acts on control characters, within quotes too. */
function isLine(text: string): boolean {
  return withoutControls(text) === text;
}

function pullWords(manifest: AnyManifest | undefined): Values {
  // Without, it has each folder once more inside itself.
  const isFolders = manifest?.kind === 'manifest' && isPacked(manifest);
  return { regctlPull: isFolders ? ['--strip-dirs'] : [] };
}

function pushWords({ artifactType, annotations = {}, layers, subject }: Manifest): Values {
  const pairs = Object.entries(annotations).map(([key, value]) => `${key}=${value}`);
  const types = layers.map(({ mediaType }) => mediaType);
  // What is attached to something is not pushed but attached, which is another command.
  if (artifactType === undefined || subject || ![artifactType, ...pairs, ...types].every(isLine)) {
    return {};
  }
  const flags = ['--artifact-type', artifactType, ...pairs.flatMap((pair) => ['--annotation', pair])];
  return {
    orasFlags: flags,
    orasFiles: [
      ...(layers.some((layer) => titleOf(layer).startsWith('-')) ? ['--'] : []),
      ...layers.map((layer) => `${titleOf(layer)}:${layer.mediaType}`),
    ],
    regctlFlags: [
      ...flags,
      '--file-title',
      ...layers.flatMap((layer) => [`--file=${titleOf(layer)}`, `--file-media-type=${layer.mediaType}`]),
    ],
  };
}

/** Undefined when the template names something that is not known. */
function filled(template: string, values: Values): string | undefined {
  const words = template.split(' ').map((word): readonly string[] | undefined => {
    const [, before = '', name, after = ''] = /^(.*)\{(\w+)\}(.*)$/.exec(word) ?? [];
    return name === undefined ? [word] : values[name]?.map((text) => shellWord(`${before}${text}${after}`));
  });
  const known = words.filter((word) => word !== undefined);
  return known.length < words.length ? undefined : known.flat().join(' ');
}
