import type { AppContract } from "#shared/contract/index";
import type { Container, ContainerConfig, Status } from "#shared/contract/containers";
import type { Client } from "#shared/rpc/define";

/** The starter image's id; made where it is not there yet. */
export async function starterImage(client: Client<AppContract>): Promise<string> {
  return (await client.call("images.ensureStarter", {})).id;
}

/** A started container, as the list shows it. */
export async function makeContainer(
  client: Client<AppContract>,
  config: Pick<ContainerConfig, "name" | "imageId" | "args"> & Partial<ContainerConfig>,
): Promise<Container> {
  const { id } = await client.call("containers.create", {
    config: {
      terminal: false,
      env: [],
      limits: {},
      restart: { name: "no" },
      labels: {},
      ...config,
    },
    start: true,
  });
  return (await client.call("containers.get", { id })).container;
}

/** Follows the list until the container is seen in that state. The test's own timeout bounds it. */
export async function waitForState(
  client: Client<AppContract>,
  id: string,
  status: Status,
): Promise<Container> {
  for await (const { put } of client.stream("containers.watch", {})) {
    const found = put.find((container) => container.id === id && container.state.status === status);
    if (found) return found;
  }
  throw new Error(`The list ended before ${id} was seen as ${status}`);
}
