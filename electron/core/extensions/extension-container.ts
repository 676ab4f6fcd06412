import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ExtensionManifest } from "#shared/contract/extensions";
import type { Image } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import { extensionDir, extensionLog, type Paths } from "../host/paths.ts";
import type { Privileges } from "../host/privileges.ts";
import { emptyConfig } from "../images/image-config.ts";
import type { ImageService } from "../images/image-service.ts";
import type { Executor } from "../executor/executor.ts";
import { lookUpUser, readUserFiles } from "../runtime/oci/user.ts";
import type { Lower } from "../runtime/runtime.ts";
import type { Snapshotter } from "../snapshots/snapshotter.ts";
import type { SystemService } from "../system/system-service.ts";
import { rootfsName } from "./extension-package.ts";
import { extensionSpec } from "./extension-spec.ts";

/** The container that an extension is, as the executor makes it: its own files over those of the image it stands on. */
export async function extensionContainer(
  id: string,
  manifest: ExtensionManifest,
  core: {
    paths: Paths;
    privileges: Privileges;
    images: ImageService;
    snapshots: Snapshotter;
    system: SystemService;
  },
): Promise<Parameters<Executor["create"]>[1]> {
  const { paths, privileges, images, snapshots, system } = core;
  await system.probed;
  const image = await imageOf(manifest, images);
  const path = join(extensionDir(paths, id), rootfsName);
  const own = await readdir(path).then(
    (): Lower[] => [{ type: "directory", path }],
    () => [],
  );
  const layers = image ? images.layersOf(image.id) : [];
  const lower = [...own, ...(await snapshots.lowers(layers))];
  const runtime = system.chooseRuntime(undefined);
  const config = image?.config ?? emptyConfig;
  const files = image
    ? await snapshots.imageUserFiles(layers)
    : await readUserFiles(own[0]?.path ?? "/", privileges);
  const user = lookUpUser(files, config.user || "0");
  const canLimit = system.runtime(runtime).abilities.limits;
  const spec = extensionSpec({ manifest, image: config, user, facts: system.facts, canLimit });
  return { runtime, spec, lower, logPath: extensionLog(paths, id) };
}

/**
 * The image of this machine that it stands on; undefined when it brings all of its own files. NOT_FOUND when it is not
 * here.
 */
export async function imageOf(
  { image, title }: ExtensionManifest,
  images: ImageService,
): Promise<Image | undefined> {
  if (image.kind === "package") return undefined;
  if (image.kind === "starter") return images.ensureStarter();
  const found = images.findByName(image.name);
  if (found) return found;
  throw new AppError("NOT_FOUND", `"${title}" needs the image ${image.name}, which is not here`, {
    hint: "Import it under this name first.",
  });
}
