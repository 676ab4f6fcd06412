import { useMemo } from "react";
import type { Image } from "#shared/contract/images";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import { bytes, joined, plural, shortId } from "../components/format.ts";
import { announce, notify } from "../components/notices.ts";
import { openOverlay } from "../state/overlays.ts";
import { clearRowError, setRowError } from "../state/row-errors.ts";
import { addTransferFailure, forgetTransferFailure } from "../state/transfer-failures.ts";
import { allBounded } from "./all-bounded.ts";
import { useClient, useReadCollection } from "./client.tsx";
import { imageSource } from "./images.ts";

/**
 * What can be done to images and goes on without a dialog. A failure is put where its image or its transfer is
 * shown, an outcome is told. Every promise resolves.
 */
export class ImageActions {
  readonly #client: Client<AppContract>;
  readonly #read: () => ReadonlyMap<string, Image>;

  constructor(client: Client<AppContract>, read: () => ReadonlyMap<string, Image>) {
    this.#client = client;
    this.#read = read;
  }

  /** The image, once it is here; undefined when it does not come. */
  async pull(reference: string, platform?: string): Promise<Image | undefined> {
    const image = await this.#transfer("pull", reference, platform, () =>
      this.#client.call("images.pull", { reference, platform }),
    );
    if (image) {
      notify({
        tone: "good",
        title: `${image.names[0] ?? reference} is here`,
        action: { label: "Run it", run: () => openOverlay({ kind: "create", imageId: image.id }) },
      });
    }
    return image;
  }

  async push(name: string): Promise<void> {
    const sent = await this.#transfer("push", name, undefined, () =>
      this.#client.call("images.push", { name }),
    );
    if (sent) notify({ tone: "good", title: `${name} is pushed` });
  }

  /** Takes a name away; the image stays. */
  async untag(id: string, name: string): Promise<void> {
    clearRowError(id);
    try {
      await this.#client.call("images.untag", { name });
      announce(`${name} removed`);
    } catch (error) {
      setRowError(id, {
        title: `Could not take ${name} away`,
        error: AppError.from(error).toInfo(),
      });
    }
  }

  /** Each by itself: one that is held keeps no other. */
  async delete(ids: readonly string[]): Promise<void> {
    // A deleted image's name is gone afterwards.
    const names = ids.map((id) => this.#read().get(id)?.names[0] ?? shortId(id));
    let freed = 0;
    let deleted = 0;
    await allBounded(ids, async (id) => {
      clearRowError(id);
      try {
        freed += (await this.#client.call("images.delete", { id })).freed;
        deleted += 1;
      } catch (error) {
        setRowError(id, { title: "Could not delete", error: AppError.from(error).toInfo() });
      }
    });
    if (deleted === 0) announce(`Could not delete ${names.join(", ")}`);
    else {
      const what = ids.length === 1 ? `${names[0]} is` : `${plural(deleted, "image")} are`;
      notify({ tone: "good", title: `${what} deleted, ${joined(bytes(freed))} freed` });
    }
  }

  async #transfer<T>(
    direction: "pull" | "push",
    reference: string,
    platform: string | undefined,
    run: () => Promise<T>,
  ): Promise<T | undefined> {
    const startedAt = Date.now();
    forgetTransferFailure({ direction, reference });
    try {
      return await run();
    } catch (thrown) {
      const error = AppError.from(thrown).toInfo();
      if (error.code !== "CANCELLED") {
        addTransferFailure({ direction, reference, platform, startedAt, error });
        announce(`Could not ${direction} ${reference}`);
      }
      return undefined;
    }
  }
}

export function useImageActions(): ImageActions {
  const client = useClient();
  const read = useReadCollection(imageSource);
  return useMemo(() => new ImageActions(client, () => read().items), [client, read]);
}
