/** What a tar may ask of us. A number that is passed is RESOURCE_EXHAUSTED, but for names: INVALID_ARGUMENT. */
export interface TarLimits {
  /** Bytes of the uncompressed tar. */
  total: number;
  /** Bytes of one file, its holes included: whoever copies it may write them out as zeros. */
  file: number;
  /** Bytes of all files together, holes included. */
  content: number;
  /** Files, directories and links, those directories included that only others' names tell of. */
  entries: number;
  /** Bytes of one extended header (pax) or long name (GNU). */
  header: number;
  /** Bytes of all names and extended headers that have to be remembered. */
  metadata: number;
  /** Bytes of a path, as the kernel's PATH_MAX, and of a component (NAME_MAX). */
  path: number;
  component: number;
  /** Uncompressed bytes for each compressed one, beyond the first GiB: gzip can't pass 1032. */
  ratio: number;
}

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

export const defaultLimits: TarLimits = {
  total: 256 * GiB,
  file: 64 * GiB,
  content: 256 * GiB,
  entries: 1_000_000,
  // A file may have some 64 KiB of extended attributes on most file systems, several MiB on XFS.
  header: 4 * MiB,
  metadata: 256 * MiB,
  path: 4095,
  component: 255,
  ratio: 2000,
};
