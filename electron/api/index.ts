import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";
import { activityHandlers } from "./activity.ts";
import { checkpointHandlers } from "./checkpoints.ts";
import { containerHandlers } from "./containers.ts";
import { extensionHandlers } from "./extensions.ts";
import { fileHandlers } from "./files.ts";
import { imageHandlers } from "./images.ts";
import { logHandlers } from "./logs.ts";
import { networkHandlers } from "./networks.ts";
import { projectHandlers } from "./projects.ts";
import { registryHandlers } from "./registries.ts";
import { remoteHandlers } from "./remotes.ts";
import { shimHandlers } from "./shims.ts";
import { statsHandlers } from "./stats.ts";
import { systemHandlers } from "./system.ts";
import { terminalHandlers } from "./terminals.ts";
import { volumeHandlers } from "./volumes.ts";

/** What answers the window's calls; the same for every window. */
export function createHandlers(core: Core): Handlers<AppContract> {
  return {
    activity: activityHandlers(core),
    checkpoints: checkpointHandlers(core),
    containers: containerHandlers(core),
    extensions: extensionHandlers(core),
    files: fileHandlers(core),
    images: imageHandlers(core),
    logs: logHandlers(core),
    networks: networkHandlers(core),
    projects: projectHandlers(core),
    registries: registryHandlers(core),
    remotes: remoteHandlers(core),
    shims: shimHandlers(core),
    stats: statsHandlers(core),
    system: systemHandlers(core),
    terminals: terminalHandlers(core),
    volumes: volumeHandlers(core),
  };
}
