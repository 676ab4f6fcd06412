import { activity } from "./activity.ts";
import { checkpoints } from "./checkpoints.ts";
import { containers } from "./containers.ts";
import { extensions } from "./extensions.ts";
import { files } from "./files.ts";
import { images } from "./images.ts";
import { logs } from "./logs.ts";
import { networks } from "./networks.ts";
import { projects } from "./projects.ts";
import { registries } from "./registries.ts";
import { remotes } from "./remotes.ts";
import { shims } from "./shims.ts";
import { stats } from "./stats.ts";
import { system } from "./system.ts";
import { terminals } from "./terminals.ts";
import { volumes } from "./volumes.ts";

/** The single source of what the window can ask of the core. The renderer imports it as a type only. */
export const contract = {
  activity,
  checkpoints,
  containers,
  extensions,
  files,
  images,
  logs,
  networks,
  projects,
  registries,
  remotes,
  shims,
  stats,
  system,
  terminals,
  volumes,
};
export type AppContract = typeof contract;
