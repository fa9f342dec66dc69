/** What the push command offers; anything else is typed in. */
export interface PushType {
  readonly artifactType: string;
  /** English; translated where it is shown. */
  readonly label: string;
}

/** Types that are told by `artifactType` alone, with any files in their layers. */
export const pushTypes: readonly PushType[] = [
  { artifactType: 'application/vnd.oci-explorer.files.v1', label: 'Files' },
  { artifactType: 'application/spdx+json', label: 'SPDX SBOM' },
  { artifactType: 'application/vnd.cyclonedx+json', label: 'CycloneDX SBOM' },
  { artifactType: 'application/sarif+json', label: 'SARIF report' },
];
