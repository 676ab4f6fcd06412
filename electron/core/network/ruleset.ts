import type { NetworkRecord, PublishedPort } from "./network-store.ts";

/** What the names of all managers' bridges begin with. */
export const bridgesOfAll = "sy";

/** A port of this machine, and whom it leads to. */
export interface Forward {
  port: PublishedPort;
  /** The container's address, of the same family. */
  to: string;
}

/**
 * Everything that one manager wants of the packet filter, as one nftables table of its own that is replaced whole
 * in a single transaction. So nothing can be left in it: what is in it now is what the records say, and removing it
 * is deleting the table. No other table is read or changed. It is a function of the records, so that a table
 * someone removed is there again with the next change.
 *
 * - `publish`: ports of this machine to containers, for packets from outside and from the machine itself. What containers
 *   ask of port 53 of their own bridge, whoever's that is, is for who answers for names there.
 * - `leave`: containers reach the world under the machine's address; whoever comes from 127.0.0.1, or from the
 *   container's own network by way of a published port, gets the bridge's address, so that answers come back here.
 * - `pass`: networks are apart; an internal one has no way in or out; from outside only published ports are reached.
 *   Who is spoken to beyond a way out that takes less than our bridges do is told so (MSS): not all that lies between
 *   says that a packet was too long.
 * - `guard`: route_localnet (links.ts) would let a container reach what listens on 127.0.0.1 of the machine.
 */
export function ruleset(table: string, networks: NetworkRecord[], forwards: Forward[]): string {
  const names = networks.map(({ bridge }) => quote(bridge));
  const internal = networks.filter((network) => network.internal);
  const open = networks.filter((network) => !network.internal);
  const subnets6 = open.flatMap(({ subnet6 }) => subnet6 ?? []);
  const leads = leadsOf(forwards);
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
  set bridges { type ifname; ${elements(names)} }
  set internal { type ifname; ${elements(internal.map(({ bridge }) => quote(bridge)))} }
  set within { type ifname . ifname; ${elements(names.map((name) => `${name} . ${name}`))} }
  set subnets4 { type ipv4_addr; flags interval; ${elements(open.map(({ subnet }) => subnet))} }
  set subnets6 { type ipv6_addr; flags interval; ${elements(subnets6)} }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; ${elements(leads.any4)} }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; ${elements(leads.any6)} }
  map own4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; ${elements(leads.own4)} }
  map own6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; ${elements(leads.own6)} }
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @own4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @own6
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to meta l4proto . th dport map @any6
  }
  chain arrive {
    type nat hook prerouting priority dstnat;
    iifname "${bridgesOfAll}*" meta l4proto { tcp, udp } th dport 53 fib daddr . iif type local return
    meta l4proto { tcp, udp } fib daddr type local jump publish
  }
  chain local {
    type nat hook output priority -100;
    meta l4proto { tcp, udp } fib daddr type local jump publish
  }
  chain leave {
    type nat hook postrouting priority srcnat;
    ip saddr @subnets4 oifname != @bridges masquerade
    ip6 saddr @subnets6 oifname != @bridges masquerade
    ct status dnat oifname @bridges ip saddr 127.0.0.0/8 masquerade
    ct status dnat oifname @bridges ip saddr @subnets4 masquerade
    ct status dnat oifname @bridges ip6 saddr @subnets6 masquerade
  }
  chain pass {
    type filter hook forward priority filter;
    iifname @bridges oifname != @bridges tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    iifname . oifname @within accept
    iifname @internal drop
    oifname @internal drop
    ct state established,related accept
    oifname @bridges ct status dnat accept
    oifname @bridges drop
  }
  chain guard {
    type filter hook prerouting priority raw;
    iifname @bridges ip daddr 127.0.0.0/8 drop
  }
}
`;
}

/**
 * Has a table that is there lead these ports instead of others, in a single transaction: replacing all of it costs the
 * kernel more, whose chains have to be out of everybody's hands first.
 */
export function redirection(table: string, forwards: Forward[]): string {
  return Object.entries(leadsOf(forwards))
    .flatMap(([map, list]) => [
      `flush map inet ${table} ${map}`,
      ...(list.length === 0 ? [] : [`add element inet ${table} ${map} { ${list.join(", ")} }`]),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

const quote = (name: string): string => `"${name}"`;

const elements = (list: string[]): string =>
  list.length === 0 ? "" : `elements = { ${list.join(", ")} }`;

/** The elements of each map: the ports of a family on every address, and each on one. */
function leadsOf(forwards: Forward[]): Record<"any4" | "any6" | "own4" | "own6", string[]> {
  const leads = (family: 4 | 6, everywhere: boolean): string[] =>
    forwards
      .filter(({ to }) => to.includes(":") === (family === 6))
      .filter(({ port }) => (port.hostIp === (family === 4 ? "0.0.0.0" : "::")) === everywhere)
      .map(({ port, to }) => {
        const at = everywhere ? "" : `${port.hostIp} . `;
        return `${at}${port.protocol} . ${port.hostPort} : ${to} . ${port.containerPort}`;
      });
  return {
    ...{ any4: leads(4, true), any6: leads(6, true) },
    ...{ own4: leads(4, false), own6: leads(6, false) },
  };
}
