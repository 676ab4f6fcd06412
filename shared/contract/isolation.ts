import { z } from "zod";

/** What a container shares with this machine or with others, and what is its own. */

/** Users and groups `inside` to `inside + size - 1` are `outside` and following on this machine. */
export const IdMap = z.object({
  inside: z.number().int().min(0),
  outside: z.number().int().min(0),
  size: z.number().int().min(1),
});
export type IdMap = z.infer<typeof IdMap>;

const IdMaps = z.array(IdMap).min(1).max(16);

/**
 * A user namespace of its own, for root's containers: root in it is nobody outside. `auto`: so many ids that no other
 * container of ours has. Of users and groups one that is absent is as the other.
 */
export const UserNamespace = z.union([
  z.object({ auto: z.number().int().min(1).max(1_048_576) }),
  z
    .object({ uids: IdMaps.optional(), gids: IdMaps.optional() })
    .refine(({ uids, gids }) => uids ?? gids, "It maps no ids"),
]);
export type UserNamespace = z.infer<typeof UserNamespace>;

/** Another container, which runs when this one starts, by its name or id. */
export const OfContainer = z.object({ container: z.string().min(1).max(128) });

export const Namespaces = z.object({
  /** Which processes it sees. */
  pid: z.union([z.literal("host"), OfContainer]).optional(),
  /** Message queues and System V's shared memory. */
  ipc: z.union([z.literal("host"), OfContainer]).optional(),
  /** The host name. */
  uts: z.literal("host").optional(),
  /** Whether it sees where its cgroup lies; absent: private on cgroup v2, the machine's on v1, as docker's. */
  cgroup: z.enum(["host", "private"]).optional(),
});
export type Namespaces = z.infer<typeof Namespaces>;

/** The Container Device Interface's: `vendor.com/class=name`. */
export const CdiName = z
  .string()
  .regex(
    /^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z][\w-]*=[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/,
    "Write a device by name as vendor.com/class=name",
  );
