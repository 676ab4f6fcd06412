import type { Member, Network } from "#shared/contract/networks";

/** Whether a network has a text in its name, its addresses or those of its members. */
export function matches(network: Network, filter: string): boolean {
  const { id, subnet, subnet6, members } = network;
  const words = members.flatMap(({ containerName, ip4, aliases }) => [
    ...[containerName, ip4],
    ...aliases,
  ]);
  return [id, subnet, subnet6, ...words]
    .join(" ")
    .toLowerCase()
    .includes(filter.trim().toLowerCase());
}

/** Who is connected first, then by name. */
export function sortMembers(members: readonly Member[]): Member[] {
  return [...members].sort(
    (a, b) =>
      Number(b.connected) - Number(a.connected) || a.containerName.localeCompare(b.containerName),
  );
}

/** The networks that each container is in. */
export function networksByContainer(networks: Iterable<Network>): ReadonlyMap<string, string[]> {
  const places = new Map<string, string[]>();
  for (const { id, members } of networks) {
    for (const { containerId } of members) {
      const known = places.get(containerId);
      if (known) known.push(id);
      else places.set(containerId, [id]);
    }
  }
  return places;
}
