import { z } from "zod";
import { AppError, isCode } from "#shared/errors";
import { parseJson } from "../base/parse-json.ts";
import { documentLimit } from "../content/content-store.ts";
import { Digest, digestOf } from "../content/digest.ts";
import { type Descriptor, manifestTypes } from "../content/oci.ts";
import { fetchBlob } from "./blob-fetch.ts";
import type { BlobRequest } from "./blob-request.ts";
import type { Endpoint, EndpointRequest } from "./endpoint.ts";
import { readBytes, readText } from "./registry-error.ts";
import type { Response } from "./transport.ts";
import { type UploadOptions, abandonUpload, uploadBlob } from "./upload.ts";

/** A manifest as a registry has it: enough of a descriptor to ask for it by its digest. */
export interface Resolved {
  digest: Digest;
  mediaType: string;
  /** Bytes. */
  size: number;
}

type Blob = Pick<Descriptor, "digest" | "size">;

interface Abortable {
  signal?: AbortSignal;
}

/** Tags a registry gives at once, and bytes that such a page may have. */
const tagsPerPage = 1000;
const tagsLimit = 4 * 1024 * 1024;

/** A repository without any has null. */
const TagList = z.looseObject({ tags: z.array(z.string()).nullish() });
const noMount = ["UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED"] as const;

/**
 * One repository, pulled from its mirrors and its registry and pushed to its registry. A `target` is a tag or a
 * digest (reference.ts, referenceTarget). What any method rejects with names the repository and what to do:
 * NOT_FOUND, UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED (limits), UNAVAILABLE, FAILED_PRECONDITION
 * (TLS), DATA_LOSS.
 */
export class Repository {
  readonly name: string;
  readonly #repository: string;
  readonly #registry: Endpoint;
  /** Those to pull from, the one that has served last before the others. */
  #sources: Endpoint[];
  #served = false;

  /** For RegistryClient. */
  constructor(name: string, repository: string, mirrors: Endpoint[], registry: Endpoint) {
    this.name = name;
    this.#repository = repository;
    this.#registry = registry;
    this.#sources = [...mirrors, registry];
  }

  /** What a tag stands for now, without fetching it. */
  async resolve(target: string, { signal }: Abortable = {}): Promise<Resolved> {
    const found = await this.#pull(async (source) => {
      const response = await source.request(this.#path("manifests", target), {
        ...this.#manifestRequest(target),
        ...{ method: "HEAD", signal, accept: [405, 501] },
      });
      const digest = Digest.safeParse(response.headers.get("docker-content-digest"));
      const mediaType = response.headers.get("content-type");
      const size = Number(response.headers.get("content-length") ?? Number.NaN);
      if (!response.ok || !digest.success || !mediaType || !Number.isInteger(size)) {
        return undefined;
      }
      this.#requireDigest(target, digest.data);
      return { digest: digest.data, mediaType, size };
    });
    if (found) return found;
    // Old registries answer HEAD with less than is needed.
    const { digest, mediaType, size } = await this.manifest(target, { signal });
    return { digest, mediaType, size };
  }

  /** A manifest or index, verified; content/oci.ts parses it. RESOURCE_EXHAUSTED above 4 MiB. */
  async manifest(
    target: string,
    { signal }: Abortable = {},
  ): Promise<Resolved & { bytes: Uint8Array }> {
    return this.#pull(async (source) => {
      const path = this.#path("manifests", target);
      const response = await source.request(path, { ...this.#manifestRequest(target), signal });
      const bytes = await readBytes(response, documentLimit + 1);
      if (bytes.length > documentLimit) {
        throw new AppError("RESOURCE_EXHAUSTED", `The manifest of ${this.name} is too long`, {
          subject: this.name,
        });
      }
      const said = Digest.safeParse(response.headers.get("docker-content-digest"));
      const wanted = Digest.safeParse(target);
      const digest = digestOf(bytes, wanted.data ?? said.data);
      this.#requireDigest(target, digest);
      if (said.success && !wanted.success && said.data !== digest) {
        throw this.#mismatch(said.data, digest);
      }
      const mediaType = response.headers.get("content-type") ?? "application/json";
      return { digest, mediaType, size: bytes.length, bytes };
    });
  }

  /** A blob's bytes from `offset` on; a broken connection is taken up again. Not verified: see fetchBlob. */
  async *blob(
    blob: Blob,
    options: Abortable & { offset?: number } = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    const renew = (): Promise<BlobRequest> => this.blobRequest(blob, { ...options, fresh: true });
    yield* fetchBlob(await this.blobRequest(blob, options), { ...options, renew });
  }

  /**
   * What fetchBlob needs, also in another thread. `fresh`: the authorization of the last one was refused, so
   * the sources are asked before.
   */
  async blobRequest(
    { digest, size }: Blob,
    { signal, fresh = false }: Abortable & { fresh?: boolean } = {},
  ): Promise<BlobRequest> {
    const path = this.#path("blobs", digest);
    const scopes = this.#scopes("pull");
    if (fresh || !this.#served) {
      const ask = (source: Endpoint): Promise<Response> =>
        source.request(path, { ...{ method: "HEAD", scopes, signal }, what: `blob ${digest}` });
      await (fresh ? Promise.allSettled(this.#sources.map(ask)) : this.#pull(ask));
      signal?.throwIfAborted();
    }
    const sources: BlobRequest["sources"] = [];
    for (const source of this.#sources) {
      // A mirror that is down must not keep the others from being used.
      const ready = await Promise.all([
        source.auth.authorization(scopes, { signal }),
        source.url(path, { signal }),
      ]).catch(() => undefined);
      if (!ready) continue;
      const [authorization, url] = ready;
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      sources.push({ url, headers, tls: source.tls });
    }
    signal?.throwIfAborted();
    return { name: this.name, digest, size, sources };
  }

  /** All tags, page by page, in the registry's order. */
  async *tags({ signal }: Abortable = {}): AsyncGenerator<string[], void, void> {
    const first = `${this.#path("tags", "list")}?n=${tagsPerPage}`;
    for (let path: string | undefined = first; path !== undefined;) {
      const request: EndpointRequest = { scopes: this.#scopes("pull"), signal };
      const response: Response = await this.#registry.request(path, request);
      const page = TagList.safeParse(parseJson(await readText(response, tagsLimit)));
      if (!page.success) {
        throw new AppError("DATA_LOSS", `The list of tags of ${this.name} can't be read`);
      }
      yield page.data.tags ?? [];
      // RFC 8288; relative to the page it was in.
      const link = /<([^<>]+)>\s*;\s*rel="?next"?/i.exec(response.headers.get("link") ?? "")?.[1];
      path = link && new URL(link, await this.#registry.url(path)).href;
    }
  }

  async hasBlob(digest: Digest, { signal }: Abortable = {}): Promise<boolean> {
    const scopes = this.#scopes("pull,push");
    const request: EndpointRequest = { method: "HEAD", scopes, signal, accept: [404] };
    return (await this.#registry.request(this.#path("blobs", digest), request)).ok;
  }

  /** Takes a blob over from another repository of the same registry. False where that was not done: upload it. */
  async mountBlob(digest: Digest, from: string, { signal }: Abortable = {}): Promise<boolean> {
    const scopes = [...this.#scopes("pull,push"), `repository:${from}:pull`];
    const query = new URLSearchParams({ mount: digest, from });
    const path = `${this.#path("blobs", "uploads/")}?${query.toString()}`;
    let response: Response;
    try {
      response = await this.#registry.request(path, { method: "POST", scopes, signal });
    } catch (error) {
      // Without access to the other repository some refuse, and others begin an upload.
      if (noMount.some((code) => isCode(error, code))) return false;
      throw error;
    }
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status === 202 && location !== null) {
      await abandonUpload(this.#registry, location, this.#scopes("pull,push"));
    }
    return response.status === 201;
  }

  /** Uploads the file at `path`, which has these bytes, unless it is there already. */
  async uploadBlob(blob: Blob, path: string, options: UploadOptions = {}): Promise<void> {
    if (await this.hasBlob(blob.digest, options)) return;
    const uploads = this.#path("blobs", "uploads/");
    await uploadBlob(
      this.#registry,
      uploads,
      { ...blob, path },
      this.#scopes("pull,push"),
      options,
    );
  }

  /** Stores a manifest whose blobs are all there, under a tag or its digest. */
  async putManifest(
    target: string,
    { bytes, mediaType }: { bytes: Uint8Array; mediaType: string },
    { signal }: Abortable = {},
  ): Promise<Digest> {
    const digest = digestOf(bytes);
    const response = await this.#registry.request(this.#path("manifests", target), {
      ...{ method: "PUT", body: bytes, headers: { "content-type": mediaType }, signal },
      ...{ scopes: this.#scopes("pull,push"), what: `manifest ${target}` },
    });
    await response.body?.cancel();
    const said = Digest.safeParse(response.headers.get("docker-content-digest"));
    if (said.success && said.data.startsWith("sha256:") && said.data !== digest) {
      throw this.#mismatch(digest, said.data);
    }
    return digest;
  }

  /** Asks the sources one after the other; what the last one, the registry, says is what counts. */
  async #pull<T>(ask: (source: Endpoint) => Promise<T>): Promise<T> {
    const sources = [...this.#sources];
    for (const [index, source] of sources.entries()) {
      try {
        const answer = await ask(source);
        this.#sources = [source, ...sources.filter((other) => other !== source)];
        this.#served = true;
        return answer;
      } catch (error) {
        if (index === sources.length - 1 || isCode(error, "CANCELLED")) throw error;
      }
    }
    throw new AppError("INTERNAL", `${this.name} has no source`);
  }

  #manifestRequest(target: string): EndpointRequest {
    const kind = Digest.safeParse(target).success ? "digest" : "tag";
    return {
      headers: { accept: manifestTypes.join(", ") },
      scopes: this.#scopes("pull"),
      what: `${kind} ${target}`,
    };
  }

  #path(kind: "manifests" | "blobs" | "tags", last: string): string {
    return `${this.#repository}/${kind}/${last}`;
  }

  #scopes(actions: "pull" | "pull,push"): string[] {
    return [`repository:${this.#repository}:${actions}`];
  }

  #requireDigest(target: string, found: Digest): void {
    if (Digest.safeParse(target).success && target !== found) throw this.#mismatch(target, found);
  }

  #mismatch(expected: Digest, found: Digest): AppError {
    return new AppError(
      "DATA_LOSS",
      `The manifest of ${this.name} is not what it should be: ${expected} was expected, ${found} came`,
      { subject: this.name, hint: "Try again; if it stays so, the registry is damaged." },
    );
  }
}
