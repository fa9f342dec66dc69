/** Ids of everything package.json contributes; a test holds the two together. */
export const Command = {
  addRegistry: 'ociExplorer.addRegistry',
  removeRegistry: 'ociExplorer.removeRegistry',
  renameRegistry: 'ociExplorer.renameRegistry',
  signIn: 'ociExplorer.signIn',
  signOut: 'ociExplorer.signOut',
  switchAccount: 'ociExplorer.switchAccount',
  useHttp: 'ociExplorer.useHttp',
  trustCertificate: 'ociExplorer.trustCertificate',
  diagnose: 'ociExplorer.diagnose',
  pinRepository: 'ociExplorer.pinRepository',
  unpinRepository: 'ociExplorer.unpinRepository',
  togglePinnedOnly: 'ociExplorer.togglePinnedOnly',
  openLayout: 'ociExplorer.openLayout',
  openLocalFolder: 'ociExplorer.openLocalFolder',
  refresh: 'ociExplorer.refresh',
  retry: 'ociExplorer.retry',
  loadMore: 'ociExplorer.loadMore',
  filter: 'ociExplorer.filter',
  filterByType: 'ociExplorer.filterByType',
  stopSearch: 'ociExplorer.stopSearch',
  clearFilter: 'ociExplorer.clearFilter',
  sortTags: 'ociExplorer.sortTags',
  toggleFoldedTags: 'ociExplorer.toggleFoldedTags',
  goToReference: 'ociExplorer.goToReference',
  showInTree: 'ociExplorer.showInTree',
  openManifest: 'ociExplorer.openManifest',
  openIndex: 'ociExplorer.openIndex',
  openConfig: 'ociExplorer.openConfig',
  openReferrers: 'ociExplorer.openReferrers',
  openBlob: 'ociExplorer.openBlob',
  openAs: 'ociExplorer.openAs',
  openOriginal: 'ociExplorer.openOriginal',
  openFormatted: 'ociExplorer.openFormatted',
  openDescriptor: 'ociExplorer.openDescriptor',
  copyReference: 'ociExplorer.copyReference',
  copyDigest: 'ociExplorer.copyDigest',
  showTags: 'ociExplorer.showTags',
  copyPullCommand: 'ociExplorer.copyPullCommand',
  copyAsCommand: 'ociExplorer.copyAsCommand',
  pushWorkspace: 'ociExplorer.pushWorkspace',
  pushFiles: 'ociExplorer.pushFiles',
  pushFromRecipe: 'ociExplorer.pushFromRecipe',
  savePushRecipe: 'ociExplorer.savePushRecipe',
  pull: 'ociExplorer.pull',
  pushPreviewed: 'ociExplorer.pushPreviewed',
  copyTo: 'ociExplorer.copyTo',
  mirror: 'ociExplorer.mirror',
  exportLayout: 'ociExplorer.exportLayout',
  importLayout: 'ociExplorer.importLayout',
  attach: 'ociExplorer.attach',
  detach: 'ociExplorer.detach',
  annotate: 'ociExplorer.annotate',
  createIndex: 'ociExplorer.createIndex',
  tag: 'ociExplorer.tag',
  untag: 'ociExplorer.untag',
  delete: 'ociExplorer.delete',
  undoDelete: 'ociExplorer.undoDelete',
  cancelTransfer: 'ociExplorer.cancelTransfer',
  retryTransfer: 'ociExplorer.retryTransfer',
  clearTransfers: 'ociExplorer.clearTransfers',
  explainType: 'ociExplorer.explainType',
  newArtifactType: 'ociExplorer.newArtifactType',
  showLog: 'ociExplorer.showLog',
} as const;

export type CommandId = (typeof Command)[keyof typeof Command];

export const View = {
  container: 'ociExplorer',
  registries: 'ociExplorer.registries',
  transfers: 'ociExplorer.transfers',
  welcome: 'ociExplorer.welcome',
} as const;

/** `type` of the tasks that push by a recipe. */
export const taskType = 'ociExplorer';

/** Scheme of the read-only file system. */
export const scheme = 'oci';

/** One entry of the setting `ociExplorer.registries`. Never a secret, never a relaxation of TLS. */
export interface RegistrySetting {
  /** `host[:port]`. */
  readonly host: string;
  /** What people read; tells several entries of one host apart. */
  readonly name?: string;
  /** Only the repositories of it are listed: `library`, `my-org`. */
  readonly namespace?: string;
  /** Repositories shown whether the catalog names them or not. */
  readonly repositories?: readonly string[];
  /** True: only `repositories`; the catalog is not asked. */
  readonly pinnedOnly?: boolean;
}

export type TagOrder = 'semver' | 'name' | 'newest';

/** Settings below `ociExplorer.` and the types of their values. */
export interface Settings {
  readonly registries: readonly RegistrySetting[];
  /** Absolute paths of layout folders or tars, window scope. */
  readonly layouts: readonly string[];
  /** Application scope: hosts spoken to without TLS. Loopback needs no entry. */
  readonly plainHttpHosts: readonly string[];
  /** Application scope: host → absolute paths of PEM files: `ca`, and `cert` with `key`. */
  readonly certificates: Readonly<Record<string, unknown>>;
  /** Machine scope: folder of the Local registry; empty: below the extension's storage. */
  readonly localFolder: string;
  /** Rows of artifact types, unchecked; those of the workspace after the user's. */
  readonly artifactTypes: readonly unknown[];
  readonly pageSize: number;
  readonly tagOrder: TagOrder;
  readonly foldTags: boolean;
  readonly manifestView: 'both' | 'original' | 'formatted';
  readonly inlayHints: boolean;
  readonly 'push.keepFileTimes': boolean;
  /** Of folders, where their type leaves it open. */
  readonly 'push.split': 'none' | 'folders' | 'patterns';
  readonly 'push.compression': 'gzip' | 'zstd' | 'none';
  /** MiB above which a file is pointed out before a push. */
  readonly 'push.largeFile': number;
  /** MiB above which the size of a whole push is pointed out. */
  readonly 'push.largeTotal': number;
}

/** Context keys for `when` clauses. */
export const Context = {
  filtered: 'ociExplorer.filtered',
  noRegistries: 'ociExplorer.noRegistries',
  hasTransfers: 'ociExplorer.hasTransfers',
} as const;
