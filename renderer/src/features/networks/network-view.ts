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

/** The other networks that a container is in. */
export function elsewhere(
  networks: ReadonlyMap<string, Network>,
  containerId: string,
  here: string,
): string[] {
  return [...networks.values()]
    .filter(
      ({ id, members }) => id !== here && members.some((one) => one.containerId === containerId),
    )
    .map(({ id }) => id);
}
