import { expect, test } from "vitest";
import { projectOf } from "./testing.ts";

test("what it has of another service is its first container's, and it comes and goes with that", async () => {
  const { services } = await projectOf(
    "services:\n  a: {image: i, network_mode: 'service:b', pid: 'service:b', ipc: 'service:c'}\n" +
      "  b: {image: i, scale: 2}\n  c: {image: i, container_name: mine, ipc: shareable}\n" +
      "  d: {image: i, network_mode: 'service:b', depends_on: {b: {condition: service_healthy}}}\n",
  );
  const [a, , , d] = services;
  expect(a?.draft).toMatchObject({
    networks: { container: "shop-b-1" },
    namespaces: { pid: { container: "shop-b-1" }, ipc: { container: "mine" } },
  });
  const started = { condition: "service_started", required: true, restart: true };
  expect(a?.dependsOn).toEqual([
    { service: "b", ...started },
    { service: "c", ...started },
  ]);
  // What the file says of it counts.
  expect(d?.dependsOn).toMatchObject([{ condition: "service_healthy", restart: false }]);
});
