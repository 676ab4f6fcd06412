import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ContentStore } from "../content/content-store.ts";
import type { Exchange } from "../events/exchange.ts";
import { contentDir, imageDir, type Paths, workDir } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationService } from "../operations/operation-service.ts";
import type { RegistryService } from "../registry/registry-service.ts";
import { directoryLayers } from "../snapshots/choose-layer-store.ts";
import type { LayerStore } from "../snapshots/layer-store.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import type { Store } from "../store/store.ts";
import { ArchiveLoader } from "./archive-loader.ts";
import { BuildService } from "./builds/build-service.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { ImageImporter } from "./image-importer.ts";
import { ImageMaker } from "./image-maker.ts";
import { ImageService } from "./image-service.ts";
import { ImageStore } from "./image-store.ts";
import { LayerMaker } from "./layer-maker.ts";
import { PlainLayers } from "./plain-layers.ts";
import { Leases } from "./leases.ts";
import { Puller } from "./puller.ts";
import { Pusher } from "./pusher.ts";
import { TransferService } from "./transfer-service.ts";

export interface CreateImagesOptions {
  paths: Paths;
  privileges: Privileges;
  store: Store;
  layers: LayerStore;
  operations: OperationService;
  exchange: Exchange;
  registries: RegistryService;
  usedBy: (imageId: string) => { id: string; name: string }[];
  heldBy: (imageId: string) => string[];
  /** See GarbageCollectorOptions. */
  releaseLayer: (diffId: string) => Promise<void>;
  ready: Promise<void>;
}

/** What images are made with, for who makes them of something else. */
export interface ImageTools {
  store: ImageStore;
  content: ContentStore;
  leases: Leases;
  layers: LayerMaker;
  maker: ImageMaker;
}

export interface Images {
  images: ImageService;
  transfers: TransferService;
  builds: BuildService;
  tools: ImageTools;
  /** Removes what an earlier manager has left half-made, and what nothing holds. */
  tidy(): Promise<void>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** Everything of images, wired. Rejects as ContentStore.open does. */
export async function createImages(options: CreateImagesOptions): Promise<Images> {
  const { paths, privileges, operations, exchange, registries, layers: layerStore } = options;
  const content = await ContentStore.open(contentDir(paths));
  // Before anybody writes.
  await content.tidy();
  const works = dirname(workDir(paths, "id"));
  const leftWorks = await readdir(works).catch(() => []);
  const store = new ImageStore(options.store, (id) => images.changed(id));
  const leases = new Leases(options.store);
  // Where all layers are directories, those of every runtime are.
  const plain =
    layerStore.kind === "directory"
      ? undefined
      : new PlainLayers({ content, layers: directoryLayers(paths, privileges) });
  const collector = new GarbageCollector({
    ...{ content, layers: layerStore, images: store, leases },
    releaseLayer: options.releaseLayer,
    onLayerRemoved: async (diffId) => {
      images.layerRemoved(diffId);
      await plain?.remove(diffId);
    },
  });
  const layers = new LayerMaker({
    ...{ content, layers: layerStore },
    onMade: (layer) => images.layerMade(layer),
  });
  const maker = new ImageMaker({ content, images: store });
  const tools: ImageTools = { store, content, leases, layers, maker };
  const importer = new ImageImporter({ paths, privileges, ...tools });
  const loader = new ArchiveLoader({ paths, privileges, ...tools });
  const images: ImageService = new ImageService({
    ...{ paths, privileges, store, content, leases, collector, importer, loader },
    ...{ operations, exchange, layers: layerStore, plain },
    ...{ usedBy: options.usedBy, heldBy: options.heldBy, ready: options.ready },
  });
  const { client } = registries;
  const transfers = new TransferService({
    ...{ images, store, operations, registries: client },
    puller: new Puller({ registries: client, ...tools }),
    pusher: new Pusher({ registries: client, content, images: store, leases }),
  });
  const builds = new BuildService({
    ...{ paths, privileges, images, loader, registries, operations, ...tools },
  });
  return {
    ...{ images, transfers, builds, tools },
    async tidy() {
      for (const name of leftWorks) await removeTree(join(works, name), privileges);
      await removeOld(paths, privileges, new Set(store.damaged.map(({ id }) => id)));
      await layerStore.tidy();
      await plain?.tidy(async (diffId) => (await layerStore.get(diffId)) !== undefined);
      await collector.collect();
    },
    async close() {
      transfers.dispose();
      builds.dispose();
      await layers.close();
      await plain?.close();
    },
  };
}

/** Directories that images were before they had layers, but for those that a record still names. */
async function removeOld(
  paths: Paths,
  privileges: Privileges,
  named: ReadonlySet<string>,
): Promise<void> {
  const root = dirname(imageDir(paths, "id"));
  for (const name of await readdir(root).catch(() => [])) {
    if (!named.has(name)) await removeTree(join(root, name), privileges);
  }
}
