import type { DiskUse } from "#shared/contract/containers";
import type {
  ActionInput,
  ExtensionManifest,
  PanelCall,
  PanelContainer,
  PanelImage,
  Permission,
} from "#shared/contract/extensions";
import { AppError } from "#shared/errors";
import type { ContainerService } from "../containers/container-service.ts";
import { nameOf } from "../images/image-config.ts";
import type { ImageService } from "../images/image-service.ts";
import type { ExtensionRecord } from "./extension-store.ts";

export type PanelAnswer = PanelContainer[] | PanelImage[] | DiskUse[] | Record<string, never>;

/** What extensions get to see and do of containers and images: what the user has allowed, and no more. */
export class ExtensionAccess {
  readonly #containers: ContainerService;
  readonly #images: ImageService;

  constructor(options: { containers: ContainerService; images: ImageService }) {
    this.#containers = options.containers;
    this.#images = options.images;
  }

  /** What a panel asks for. PERMISSION_DENIED unless the user has allowed it. */
  async answer(
    { manifest, grants }: ExtensionRecord,
    call: PanelCall,
    options: { signal?: AbortSignal },
  ): Promise<PanelAnswer> {
    if (!grants.includes(call.method)) {
      throw new AppError(
        "PERMISSION_DENIED",
        `The extension "${manifest.title}" may not use ${call.method}`,
        { hint: "Allow it on the extension's page." },
      );
    }
    switch (call.method) {
      case "containers.list":
        return (await this.#containers.list()).map(({ id, name, image, state }) => ({
          ...{ id, name, image: image.name, status: state.status },
        }));
      case "containers.diskUse":
        return this.#containers.diskUse(options);
      case "containers.control":
        await this.#containers.lifecycle[call.action](call.id);
        return {};
      default:
        return this.#images
          .list()
          .map((image) => ({ id: image.id, name: nameOf(image), size: image.size }));
    }
  }

  /** What an action is told of the container that it is run for. NOT_FOUND when there is none. */
  async actionInput(
    { grants }: ExtensionRecord,
    containerId: string,
    options: { signal?: AbortSignal },
  ): Promise<ActionInput> {
    const { config } = this.#containers.records.get(containerId);
    const input: ActionInput = { container: { id: containerId, name: config.name } };
    if (grants.includes("containers.diskUse")) {
      const use = await this.#containers.diskUse(options);
      const own = use.find(({ id }) => id === containerId);
      if (own) input.diskUse = own;
    }
    return input;
  }
}

/** INVALID_ARGUMENT for a permission that its manifest does not ask for. */
export function requireAsked(
  { title, permissions }: ExtensionManifest,
  grants: Permission[],
): void {
  const unasked = grants.find((permission) => !permissions.includes(permission));
  if (unasked === undefined) return;
  throw new AppError("INVALID_ARGUMENT", `"${title}" does not ask for ${unasked}`, {
    field: "grants",
  });
}
