import type { ExtensionManifest } from "#shared/contract/extensions";
import type { ImageConfig } from "#shared/contract/images";
import type { Ability } from "#shared/contract/system";
import { noNetwork } from "../network/network-plan.ts";
import { noHostSide } from "../containers/spec/host-side.ts";
import { makeSpec } from "../containers/spec.ts";
import type { OciProcess, OciSpec } from "../runtime/runtime.ts";
import type { HostFacts } from "../system/host-facts.ts";

/** Where the runtime can limit: room for a small server, and no more. */
const limits = { memory: 256 * 1024 * 1024, pids: 256 };

/**
 * The OCI spec of an extension's container: a user's container with less. No capabilities, no way to new ones, no
 * network but loopback, nothing of this machine mounted.
 */
export function extensionSpec(request: {
  manifest: ExtensionManifest;
  image: ImageConfig;
  user: OciProcess["user"];
  facts: HostFacts;
  canLimit: Ability;
}): OciSpec {
  const { manifest, image, user, facts, canLimit } = request;
  const { spec } = makeSpec({
    id: manifest.name,
    ownName: manifest.name,
    config: {
      ...{ name: manifest.name, imageId: manifest.name, args: manifest.command, env: [] },
      ...{ terminal: false, restart: { name: "no" }, labels: {} },
      limits: canLimit.ok ? limits : {},
    },
    ...{ image, user, facts, limits: canLimit, network: noNetwork, host: noHostSide },
    ...{ mounts: [], etc: [] },
  });
  // The name is unique in this root only: the runtime chooses one that no other root has.
  const { cgroupsPath: _, ...linux } = spec.linux;
  return {
    ...spec,
    linux,
    process: { ...spec.process, noNewPrivileges: true },
  };
}
