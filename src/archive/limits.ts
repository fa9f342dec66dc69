/** What an archive may ask of this machine. Beyond it, unpacking stops and nothing is kept. */
export const archiveLimits = {
  /** Entries and folders they imply. */
  entries: 200_000,
  /** Folders within folders. */
  depth: 256,
  /** Bytes of a part of a path, and of a whole path. */
  partBytes: 255,
  pathBytes: 4000,
  /** Bytes of all names together, which are the only thing kept in memory. */
  nameBytes: 64 * 1024 * 1024,
  /** Bytes of one extended header. */
  metaBytes: 1024 * 1024,
  /** Bytes out per byte in, looked at once this many bytes came out. Deflate itself cannot do more than 1032. */
  ratio: 200,
  ratioFrom: 64 * 1024 * 1024,
} as const;
