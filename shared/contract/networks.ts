import { z } from "zod";
import { mutation, query, stream } from "../rpc/define.ts";
import { delta, Id, Labels, Nothing, Time } from "./common.ts";
import { OfContainer } from "./isolation.ts";
import { Ability } from "./system.ts";

/** The network of a container that names none. */
export const defaultNetwork = "bridge";

export const NetworkName = z
  .string()
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/,
    "A name begins with a letter or digit; then letters, digits, '_', '.', '-'; at most 63",
  )
  .refine((name) => name !== "none" && name !== "host", "That name has a meaning of its own");

const Ip4 = z.ipv4("Write an IPv4 address, as 10.89.0.7");
const Ip6 = z.ipv6("Write an IPv6 address, as fd00::7");

/** RFC 1123: what names resolve by. */
const Alias = z
  .string()
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?$/, "Write a host name");

/** A container's place in a network; what is absent is chosen. */
export const NetworkChoice = z.object({
  name: NetworkName,
  ip4: Ip4.optional(),
  ip6: Ip6.optional(),
  /** A unicast one. */
  mac: z
    .string()
    .regex(/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i, "Write an address as 02:42:ac:11:00:02")
    .optional(),
  /** What the others of the network find it by, beside its name. */
  aliases: z.array(Alias).max(64).optional(),
});
export type NetworkChoice = z.infer<typeof NetworkChoice>;

/**
 * `none` has only loopback, `host` is the machine's own. The network of another container is that one's as it runs when
 * this one starts, with its name servers and hosts. The first of several is the way out.
 */
export const ContainerNetworks = z.union([
  z.literal("none"),
  z.literal("host"),
  OfContainer,
  z.array(NetworkChoice).min(1).max(32),
]);
export type ContainerNetworks = z.infer<typeof ContainerNetworks>;

export const Protocol = z.enum(["tcp", "udp"]);
export type Protocol = z.infer<typeof Protocol>;

export const PortChoice = z.object({
  /** Of this machine; absent: every address. */
  hostIp: z.union([Ip4, Ip6]).optional(),
  /** 0 or absent: a free one is picked when the container starts. */
  hostPort: z.number().int().min(0).max(65_535).optional(),
  containerPort: z.number().int().min(1).max(65_535),
  protocol: Protocol,
});
export type PortChoice = z.infer<typeof PortChoice>;

export const Cidr4 = z.cidrv4("Write a subnet, as 10.89.0.0/24");
export const Cidr6 = z.cidrv6("Write a subnet, as fd00:1::/64");

export const NetworkConfig = z.object({
  name: NetworkName,
  /** Absent: one that nothing on this machine uses. */
  subnet: Cidr4.optional(),
  /** The machine's own address in it; absent: the subnet's first. */
  gateway: Ip4.optional(),
  /** True: an IPv6 subnet too, chosen where none is given. */
  ipv6: z.boolean().optional(),
  subnet6: Cidr6.optional(),
  gateway6: Ip6.optional(),
  /** Without a way out: its containers reach each other only. */
  internal: z.boolean().optional(),
  labels: Labels.optional(),
});
export type NetworkConfig = z.infer<typeof NetworkConfig>;

/** A container in a network. */
export const Member = z.object({
  containerId: Id,
  containerName: z.string(),
  /** It runs; else the address is only kept for it. */
  connected: z.boolean(),
  /** `eth0` */
  interface: z.string(),
  ip4: z.string(),
  ip6: z.string().optional(),
  mac: z.string(),
  aliases: z.array(z.string()),
});
export type Member = z.infer<typeof Member>;

export const Network = z.object({
  /** Its name. */
  id: NetworkName,
  subnet: z.string(),
  gateway: z.string(),
  subnet6: z.string().optional(),
  gateway6: z.string().optional(),
  internal: z.boolean(),
  /** It is where containers go that name none, and can't be removed. */
  isDefault: z.boolean(),
  /** The interface on this machine; there while a container is connected. */
  bridge: z.string(),
  labels: Labels,
  createdAt: Time,
  members: z.array(Member),
});
export type Network = z.infer<typeof Network>;

/** What can be had on this machine, by this user. */
export const NetworkAbilities = z.object({
  /** Networks of one's own. */
  bridges: Ability,
  /** Published ports, through a network or not. */
  ports: Ability,
  /** Containers find each other by name. */
  names: Ability,
});
export type NetworkAbilities = z.infer<typeof NetworkAbilities>;

const ByNetwork = z.object({ id: NetworkName });

export const networks = {
  watch: stream(Nothing, delta(Network)),
  list: query(Nothing, z.array(Network)),
  abilities: query(Nothing, NetworkAbilities),
  create: mutation(NetworkConfig, Network),
  /** FAILED_PRECONDITION while a container is in it. */
  remove: mutation(ByNetwork, Nothing),
  /** Now, if the container runs, and from its next start. */
  connect: mutation(z.object({ containerId: Id, network: NetworkChoice }), Nothing),
  disconnect: mutation(z.object({ containerId: Id, network: NetworkName }), Nothing),
  /** Whether a port of this machine could be published now, or who has it. */
  checkPort: query(PortChoice, Ability),
};
