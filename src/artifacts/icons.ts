import type { Category } from './type.ts';

/** Theme icon of each category. */
export const categoryIcons: Readonly<Record<Category, string>> = {
  image: 'package',
  index: 'layers',
  chart: 'compass',
  wasm: 'circuit-board',
  sbom: 'checklist',
  signature: 'verified',
  attestation: 'law',
  policy: 'shield',
  model: 'sparkle',
  config: 'settings',
  package: 'gift',
  bundle: 'archive',
  cache: 'history',
  vm: 'vm',
  iac: 'server-environment',
  metadata: 'info',
  other: 'file-zip',
};

/** Theme icons of what is no artifact. */
export const nodeIcons = {
  local: 'home',
  remote: 'server',
  layout: 'file-directory',
  group: 'folder',
  repository: 'repo',
  tag: 'tag',
  config: 'gear',
  layer: 'layers',
  referrers: 'references',
  more: 'ellipsis',
  failure: 'error',
  note: 'info',
} as const;
