import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { ById, delta, ErrorInfoSchema, Id, Nothing, Time } from "./common.ts";
import type { DiskUse } from "./containers.ts";

/** What an extension may be allowed to do through its panel and see in its actions. Nothing is allowed unasked. */
export const Permission = z.enum([
  "containers.list",
  "containers.diskUse",
  "containers.control",
  "images.list",
]);
export type Permission = z.infer<typeof Permission>;

/** Also the id of its container in the namespace of extensions, and a label of its panel's host name. */
export const ExtensionName = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
    "A name begins with a letter; then lower case letters, digits and '-'; at most 40",
  );

const Words = z.string().trim().min(1);
const Command = z.array(z.string().max(4096)).min(1).max(64);

/** A command that can be run for one container, from its menu. */
export const ExtensionAction = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  /** `Show disk use` */
  title: Words.max(60),
  /** Run in the extension's container; gets `ActionInput` as JSON on its standard input. */
  command: Command,
});
export type ExtensionAction = z.infer<typeof ExtensionAction>;

/**
 * `extension.json`, at the top of an extension's directory or tar. Unknown keys are refused, so that a misspelt
 * one is not taken for an absent one.
 */
export const ExtensionManifest = z
  .strictObject({
    /** Of this form. */
    manifest: z.literal(1),
    name: ExtensionName,
    title: Words.max(60),
    version: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/, "Write a version as 1.0.2"),
    description: Words.max(400),
    /**
     * `package`: the directory `rootfs` beside the manifest is all there is. Else it may be there too, and lies
     * over the image's files. `starter`: busybox of this machine. `local`: an image of this machine, by its name.
     */
    image: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("package") }),
      z.strictObject({ kind: z.literal("starter") }),
      z.strictObject({ kind: z.literal("local"), name: z.string().min(1).max(330) }),
    ]),
    /** What the container runs. It should end on SIGTERM: ten seconds later it is killed. */
    command: Command,
    /** A page. Its command is run in the container for each request: HTTP/1.0 on its standard input, the answer on its output (as inetd does). */
    panel: z.strictObject({ command: Command }).optional(),
    actions: z.array(ExtensionAction).max(16).default([]),
    permissions: z.array(Permission).max(Permission.options.length).default([]),
    /** What follows when its container ends by itself. */
    restart: z.enum(["always", "on-failure", "no"]).default("always"),
  })
  .refine(({ panel, actions }) => panel !== undefined || actions.length > 0, {
    message: "An extension contributes a panel or an action",
    path: ["panel"],
  })
  .refine(({ actions }) => new Set(actions.map(({ id }) => id)).size === actions.length, {
    message: "Two actions have the same id",
    path: ["actions"],
  });
export type ExtensionManifest = z.infer<typeof ExtensionManifest>;

/** `waiting`: it ended or could not be started, and is tried again. `stopped`: it ended, and its policy leaves it so. */
export const ExtensionState = z.object({
  status: z.enum(["disabled", "starting", "running", "stopping", "waiting", "stopped"]),
  pid: z.number().optional(),
  startedAt: Time.optional(),
  /** When it is started again. */
  nextStartAt: Time.optional(),
  /** By its policy, since it was enabled. */
  restarts: z.number(),
  /** How its container ended last; no code: nobody saw. */
  lastExit: z
    .object({ code: z.number().optional(), exitedAt: Time, oomKilled: z.boolean() })
    .optional(),
  /** Why its last start failed. */
  error: ErrorInfoSchema.optional(),
});
export type ExtensionState = z.infer<typeof ExtensionState>;

export const Extension = z.object({
  /** Its name. */
  id: Id,
  manifest: ExtensionManifest,
  enabled: z.boolean(),
  /** Of what it asks for, what the user allowed. */
  grants: z.array(Permission),
  installedAt: Time,
  /** Where it came from, a path on this machine. */
  origin: z.string(),
  /** Bytes on disk of its own files. */
  size: z.number(),
  /** The image of this machine that it stands on. */
  image: z.object({ id: Id, name: z.string() }).optional(),
  state: ExtensionState,
});
export type Extension = z.infer<typeof Extension>;

/** An extension that could be installed. */
export const ExtensionCandidate = z.object({
  path: z.string(),
  /** sha256 of the manifest, so that what is installed is what was looked at. */
  digest: z.string(),
  manifest: ExtensionManifest,
});
export type ExtensionCandidate = z.infer<typeof ExtensionCandidate>;

/** What a panel can ask for. Each needs the permission of the same name, and none can do anything else. */
export const PanelCall = z.discriminatedUnion("method", [
  /** Answers PanelContainer[]. */
  z.strictObject({ method: z.literal("containers.list") }),
  /** Answers DiskUse[]. */
  z.strictObject({ method: z.literal("containers.diskUse") }),
  z.strictObject({
    method: z.literal("containers.control"),
    id: Id,
    action: z.enum(["start", "stop", "restart"]),
  }),
  /** Answers PanelImage[]. */
  z.strictObject({ method: z.literal("images.list") }),
]);
export type PanelCall = z.infer<typeof PanelCall>;

/** What a panel sees of a container: no command, no environment, no label. */
export const PanelContainer = z.object({
  id: Id,
  name: z.string(),
  image: z.string(),
  status: z.string(),
});
export type PanelContainer = z.infer<typeof PanelContainer>;

export const PanelImage = z.object({ id: Id, name: z.string(), size: z.number() });
export type PanelImage = z.infer<typeof PanelImage>;

/** What an action gets on its standard input. `diskUse` where that was granted. */
export interface ActionInput {
  container: { id: string; name: string };
  diskUse?: DiskUse;
}

const Path = z.string().startsWith("/");

export const extensions = {
  watch: stream(Nothing, delta(Extension)),
  /** Those that come with Shimyard. */
  shipped: query(Nothing, z.array(ExtensionCandidate)),
  /** Reads the manifest of a directory, of a tar (plain or compressed), or a manifest itself. Changes nothing. */
  inspect: query(z.object({ path: Path }), ExtensionCandidate),
  /** ABORTED when the manifest is no longer the one with this digest. Also enables it if asked to; when that fails, nothing stays. */
  install: mutation(
    z.object({
      path: Path,
      digest: z.string(),
      grants: z.array(Permission),
      enable: z.boolean(),
    }),
    ById,
  ),
  enable: mutation(ById, Nothing),
  /** Ends its container. */
  disable: mutation(ById, Nothing),
  /** Disables it, and removes its files and its log. */
  remove: mutation(ById, Nothing),
  /** Takes effect with the next call of its panel. */
  setGrants: mutation(z.object({ id: Id, grants: z.array(Permission) }), Nothing),
  /** What its container wrote: the end of it. */
  log: query(ById, z.object({ text: z.string(), truncated: z.boolean() })),
  /** Where its panel is, for a sandboxed frame: an origin of its own. Holds until the core ends. */
  panel: query(ById, z.object({ url: z.string() })),
  /** What a panel asks through the window. PERMISSION_DENIED unless it was granted. */
  call: mutation(z.object({ id: Id, call: PanelCall }), z.unknown()),
  runAction: mutation(
    z.object({ id: Id, action: z.string(), containerId: Id }),
    z.object({
      exitCode: z.number(),
      stdout: z.string(),
      stderr: z.string(),
      truncated: z.boolean(),
    }),
  ),
};
