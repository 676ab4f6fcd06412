import type { Dns, MoreLimits, Security } from "../contract/container-options.ts";
import type { Limits } from "../contract/containers.ts";
import type { RunDraft } from "./draft.ts";
import { parseBoolean } from "./values.ts";

export type Program = "docker" | "podman";

/** What a flag's value changes of a draft; throws where it can't be carried over. */
type Change = (value: string, draft: RunDraft, program: Program) => Partial<RunDraft>;

export type Flag =
  | { takesValue: boolean; change: Change }
  /** Nothing is missed without it, or the container is another one. */
  | { takesValue: boolean; reason: string; lost: boolean };

export const value = (change: Change): Flag => ({ takesValue: true, change });
export const onOff = (change: (on: boolean, draft: RunDraft) => Partial<RunDraft>): Flag => ({
  takesValue: false,
  change: (text, draft) => change(parseBoolean(text), draft),
});

export const limit = (read: (text: string) => Limits): Flag =>
  value((text, { limits }) => ({ limits: { ...limits, ...read(text) } }));
export const moreLimit = (read: (text: string, before: MoreLimits) => MoreLimits): Flag =>
  value((text, { moreLimits }) => ({
    moreLimits: { ...moreLimits, ...read(text, moreLimits ?? {}) },
  }));
export const security = (read: (text: string, before: Security) => Security): Flag =>
  value((text, { security }) => ({ security: { ...security, ...read(text, security ?? {}) } }));
export const dns = (read: (text: string, before: Dns) => Dns): Flag =>
  value((text, { dns }) => ({ dns: { ...dns, ...read(text, dns ?? {}) } }));
export const mount = (parse: (text: string) => NonNullable<RunDraft["mounts"]>[number]): Flag =>
  value((text, { mounts = [] }) => ({ mounts: [...mounts, parse(text)] }));
