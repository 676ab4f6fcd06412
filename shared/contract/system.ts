import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { Nothing, Time } from "./common.ts";

/** Something that can be done here, or the reason why not, as a sentence. */
export const Ability = z.object({ ok: z.boolean(), reason: z.string().optional() });
export type Ability = z.infer<typeof Ability>;

export const Prerequisite = z.object({
  /** `conmon` */
  name: z.string(),
  purpose: z.string(),
  status: z.enum(["found", "missing", "unusable"]),
  required: z.boolean(),
  version: z.string().optional(),
  path: z.string().optional(),
  /** Why it is unusable, or what is lost without it. */
  note: z.string().optional(),
  /** The command that installs it on this distribution. */
  install: z.string().optional(),
});
export type Prerequisite = z.infer<typeof Prerequisite>;

export const RuntimeInfo = z.object({
  /** `oci/runc` */
  id: z.string(),
  name: z.string(),
  path: z.string(),
  version: z.string(),
  /** How the probe went: it ran a real container. */
  usable: Ability,
  /** Chosen when a container names none. */
  preferred: z.boolean(),
  /** It can't cope with this host's hybrid cgroups unless they are hidden while it creates. */
  hidesUnifiedCgroup: z.boolean(),
  abilities: z.object({
    pause: Ability,
    checkpoint: Ability,
    limits: Ability,
    exec: Ability,
    /** Several containers in one shim. */
    shareShim: Ability,
  }),
  /** What is different about it, for who chooses it: sentences. Such a one was not tried by running a container. */
  note: z.string().optional(),
  /** It mounts only directories: an image's layers are unpacked once more for it. */
  plainLayers: z.boolean().optional(),
  /** Create + start of the probe's container, milliseconds. */
  startMs: z.number().optional(),
  probedAt: Time,
});
export type RuntimeInfo = z.infer<typeof RuntimeInfo>;

/** A device by name, as a CDI spec on this machine has it. */
export const CdiDevice = z.object({
  /** `vendor.com/class=name` */
  name: z.string(),
  /** The spec's path. */
  spec: z.string(),
});
export type CdiDevice = z.infer<typeof CdiDevice>;

/** What is found now of the Container Device Interface. */
export const CdiDevices = z.object({
  directories: z.array(z.string()),
  devices: z.array(CdiDevice),
  /** Specs that can't be used, each with why. */
  faults: z.array(z.object({ spec: z.string(), message: z.string() })),
});
export type CdiDevices = z.infer<typeof CdiDevices>;

/** What limits are made by: controllers by their names on cgroup v2, and the accounting of swap. */
export const LimitKind = z.enum(["memory", "swap", "cpu", "cpuset", "pids", "io"]);
export type LimitKind = z.infer<typeof LimitKind>;

export const LimitAbilities = z.record(LimitKind, Ability);
export type LimitAbilities = z.infer<typeof LimitAbilities>;

/** One that others keep here, and that is at work. */
export const Firewall = z.object({
  name: z.enum(["ufw", "firewalld"]),
  /** What it means for published ports, and what is to be done about it: sentences. */
  note: z.string(),
});
export type Firewall = z.infer<typeof Firewall>;

export const SystemInfo = z.object({
  version: z.string(),
  /** What the manager is part of: a window's app, the browser mode, the service of the whole machine. */
  kind: z.enum(["electron", "headless", "service", "test"]),
  pid: z.number(),
  startedAt: Time,
  hostname: z.string(),
  kernel: z.string(),
  distribution: z.string(),
  arch: z.string(),
  user: z.object({
    uid: z.number(),
    gid: z.number(),
    name: z.string(),
    home: z.string(),
    rootless: z.boolean(),
  }),
  cgroup: z.enum(["v1", "hybrid", "v2", "none"]),
  paths: z.object({ data: z.string(), state: z.string() }),
  prerequisites: z.array(Prerequisite),
  firewalls: z.array(Firewall),
  runtimes: z.array(RuntimeInfo),
  /** Across all runtimes: what the window disables, and why. */
  abilities: z.object({ checkpoint: Ability, limits: Ability, pause: Ability }),
  /** Which limits this user can set here, where `abilities.limits` says that a runtime can. */
  limits: LimitAbilities,
  /** True while the probes run. */
  probing: z.boolean(),
});
export type SystemInfo = z.infer<typeof SystemInfo>;

export const Settings = z.object({
  theme: z.enum(["system", "dark", "light"]),
  /** Runtime id; absent: chosen by the probe. */
  defaultRuntime: z.string().optional(),
  /** Seconds. */
  stopGrace: z.number().min(0).max(3600),
});
export type Settings = z.infer<typeof Settings>;

/** What is absent stays as it is; null lets the probe choose again (undefined does not travel as JSON). */
export const SettingsChange = Settings.partial().extend({
  defaultRuntime: z.string().nullable().optional(),
});
export type SettingsChange = z.infer<typeof SettingsChange>;

/** Another program that runs containers. */
export const Engine = z.object({
  name: z.enum(["podman", "docker"]),
  path: z.string(),
  version: z.string().optional(),
});
export type Engine = z.infer<typeof Engine>;

export const system = {
  watch: stream(Nothing, SystemInfo, "latest"),
  /** Probes everything again. */
  probe: mutation(Nothing, SystemInfo),
  watchSettings: stream(Nothing, Settings, "latest"),
  updateSettings: mutation(SettingsChange, Settings),
  /** Those of this machine, for which a container can be exported. */
  engines: query(Nothing, z.array(Engine)),
  /** Read anew each time. */
  cdiDevices: query(Nothing, CdiDevices),
};
