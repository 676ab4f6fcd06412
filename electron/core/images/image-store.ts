import { z } from "zod";
import { Id, Time } from "#shared/contract/common";
import { ImageConfig, ImageSource } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import { Digest } from "../content/digest.ts";
import { familiarText, parseReference, referenceText } from "../registry/reference.ts";
import type { Collection, DamagedRecord, Store } from "../store/store.ts";

/** A layer as its image has it. */
export const LayerRecord = z.object({
  diffId: Digest,
  /** Of the blob. */
  digest: Digest,
  mediaType: z.string(),
  /** Bytes of the blob. */
  size: z.number(),
});
export type LayerRecord = z.infer<typeof LayerRecord>;

/** What can't be derived from the image's blobs without reading them, and what they don't say. */
export const ImageRecord = z.object({
  /** Of its config, without `sha256:`. */
  id: Id,
  /** Of its manifest. */
  digest: Digest,
  mediaType: z.string(),
  /** Bytes of manifest and config. */
  documents: z.number(),
  createdAt: Time,
  addedAt: Time,
  platform: z.string(),
  source: ImageSource,
  origin: z.string(),
  config: ImageConfig,
  /** Base first. */
  layers: z.array(LayerRecord),
});
export type ImageRecord = z.infer<typeof ImageRecord>;

const NameRecord = z.object({ name: z.string(), imageId: Id });

export const configDigest = (id: string): Digest => `sha256:${id}`;

/** The images' records and names: all in memory, each change on disk before its promise resolves. */
export class ImageStore {
  readonly #images: Collection<typeof ImageRecord>;
  readonly #names: Collection<typeof NameRecord>;
  readonly #records = new Map<string, ImageRecord>();
  /** Normalised references to ids of images. */
  readonly #owners = new Map<string, string>();
  readonly #onChange: (id: string) => void;
  #damaged: readonly DamagedRecord[];

  constructor(store: Store, onChange: (id: string) => void) {
    this.#onChange = onChange;
    this.#images = store.collection("images", ImageRecord);
    this.#names = store.collection("image-names", NameRecord);
    const { records, damaged } = this.#images.all();
    this.#damaged = damaged.map(explainOld);
    for (const record of records) this.#records.set(record.id, record);
    // A name that can't be read is given again by whoever wants it.
    for (const { name, imageId } of this.#names.all().records) this.#owners.set(name, imageId);
  }

  /** Records on disk that can't be read; they stay there until they are removed. */
  get damaged(): readonly DamagedRecord[] {
    return this.#damaged;
  }

  list(): ImageRecord[] {
    return [...this.#records.values()];
  }

  find(id: string): ImageRecord | undefined {
    return this.#records.get(id);
  }

  /** NOT_FOUND when there is none. */
  get(id: string): ImageRecord {
    const record = this.#records.get(id);
    if (record) return record;
    const damaged = this.#damaged.find((one) => one.id === id);
    if (damaged) throw AppError.fromInfo(damaged.error);
    throw new AppError("NOT_FOUND", "There is no such image", {
      subject: `image ${id.slice(0, 12)}`,
      hint: "Choose another image, or get it again.",
    });
  }

  /** By any way to write its name. */
  findByName(name: string): ImageRecord | undefined {
    const id = this.#owners.get(referenceText(parseReference(name)));
    return id === undefined ? undefined : this.#records.get(id);
  }

  /** As people write them, sorted. */
  namesOf(id: string): string[] {
    return [...this.#owners]
      .flatMap(([name, owner]) => (owner === id ? [familiarText(parseReference(name))] : []))
      .sort();
  }

  /** Those that names here are in. */
  registries(): string[] {
    return [...new Set([...this.#owners.keys()].map((name) => parseReference(name).registry))];
  }

  async put(record: ImageRecord): Promise<void> {
    await this.#images.put(record.id, record);
    this.#records.set(record.id, record);
    this.#damaged = this.#damaged.filter(({ id }) => id !== record.id);
    this.#onChange(record.id);
  }

  /** Gives an image a name, and answers whose it was before, if it was another's. */
  async name(text: string, imageId: string): Promise<string | undefined> {
    const name = referenceText(parseReference(text));
    const before = this.#owners.get(name);
    if (before === imageId) return undefined;
    await this.#names.put(name, { name, imageId });
    this.#owners.set(name, imageId);
    this.#onChange(imageId);
    if (before !== undefined) this.#onChange(before);
    return before;
  }

  /** NOT_FOUND when nothing has it. Answers whose it was. */
  async unname(text: string): Promise<string> {
    const name = referenceText(parseReference(text));
    const owner = this.#owners.get(name);
    if (owner === undefined) {
      throw new AppError("NOT_FOUND", `There is no image named "${text}"`, { field: "name" });
    }
    await this.#names.remove(name);
    this.#owners.delete(name);
    this.#onChange(owner);
    return owner;
  }

  /** With its names, which go first: an image without a name is one, a name without an image is not. */
  async remove(id: string): Promise<void> {
    for (const [name, owner] of this.#owners) {
      if (owner !== id) continue;
      await this.#names.remove(name);
      this.#owners.delete(name);
    }
    await this.#images.remove(id);
    this.#records.delete(id);
    this.#damaged = this.#damaged.filter((record) => record.id !== id);
    this.#onChange(id);
  }
}

/** Before layers an image was a directory, and its record had one name in it. */
function explainOld({ id, error }: DamagedRecord): DamagedRecord {
  if (!error.details.output?.includes("layers")) return { id, error };
  const message = `The image ${id.slice(0, 12)} was made by an earlier version of Shimyard`;
  const hint = "Delete it, and import it again.";
  return { id, error: { ...error, message, details: { ...error.details, hint } } };
}
