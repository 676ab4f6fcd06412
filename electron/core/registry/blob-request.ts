import type { Digest } from "../content/digest.ts";

/** What a connection to a host needs to know of TLS. Plain data. */
export interface TlsOptions {
  /** Any certificate will do. */
  unverified?: boolean;
  /** PEM text, trusted besides the system's. */
  ca?: string;
}

/**
 * All that is needed to fetch a blob, in this thread or another: plain data, with the authorization ready in it.
 * It holds a token or password, so that it is neither logged nor kept.
 */
export interface BlobRequest {
  /** The repository, for messages: `alpine`. */
  name: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  /** Tried in this order: mirrors first. */
  sources: BlobSource[];
}

export interface BlobSource {
  url: string;
  headers: Record<string, string>;
  tls: TlsOptions;
}
