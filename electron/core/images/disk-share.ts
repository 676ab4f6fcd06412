import type { LayerInfo } from "../snapshots/layer.ts";
import { configDigest, type ImageRecord } from "./image-store.ts";

/** A thing on disk that images have: a blob by its digest or a layer by its diffId. */
interface Item {
  key: string;
  /** Bytes. */
  size: number;
}

/** What images have on disk, what of it several have, and what their removal frees; all from records. */
export class DiskShare {
  readonly #layers: ReadonlyMap<string, LayerInfo>;
  /** Per item the ids of the images that have it. */
  readonly #owners = new Map<string, Set<string>>();
  readonly #items = new Map<string, Item[]>();

  constructor(images: ImageRecord[], layers: ReadonlyMap<string, LayerInfo>) {
    this.#layers = layers;
    for (const image of images) {
      const items = this.#itemsOf(image);
      this.#items.set(image.id, items);
      for (const { key } of items) {
        const owners = this.#owners.get(key) ?? new Set();
        this.#owners.set(key, owners.add(image.id));
      }
    }
  }

  /** Bytes of an image, and those of them that no other has. */
  of(id: string): { size: number; own: number } {
    const items = this.#items.get(id) ?? [];
    return { size: sum(items), own: this.frees([id]) };
  }

  /** Bytes that go when all of these go. */
  frees(ids: string[]): number {
    const going = new Set(ids);
    const items = new Map<string, Item>();
    for (const id of going) {
      for (const item of this.#items.get(id) ?? []) {
        const owners = [...(this.#owners.get(item.key) ?? [])];
        if (owners.every((owner) => going.has(owner))) items.set(item.key, item);
      }
    }
    return sum([...items.values()]);
  }

  /** Ids of the other images that have a layer. */
  sharing(diffId: string, id: string): string[] {
    return [...(this.#owners.get(`layer ${diffId}`) ?? [])].filter((owner) => owner !== id);
  }

  /** Ids of all other images that have anything of this one. */
  neighbours(id: string): string[] {
    const found = new Set<string>();
    for (const { key } of this.#items.get(id) ?? []) {
      for (const owner of this.#owners.get(key) ?? []) found.add(owner);
    }
    found.delete(id);
    return [...found];
  }

  #itemsOf(image: ImageRecord): Item[] {
    const items = new Map<string, number>();
    // Manifest and config together: they are the image's own as long as its id is.
    items.set(`config ${configDigest(image.id)}`, image.documents);
    for (const { digest, size, diffId } of image.layers) {
      items.set(`blob ${digest}`, size);
      items.set(`layer ${diffId}`, this.#layers.get(diffId)?.size ?? 0);
    }
    return [...items].map(([key, size]) => ({ key, size }));
  }
}

const sum = (items: Item[]): number => items.reduce((total, { size }) => total + size, 0);
