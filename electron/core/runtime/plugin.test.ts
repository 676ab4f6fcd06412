import { expect, test } from "vitest";
import { RuntimeRegistry } from "./plugin.ts";
import type { Runtime } from "./runtime.ts";

const runtimeStandIn = (id: string): Runtime => ({ id }) as Runtime;

test("a plugin's runtimes are made once they are asked for, and listed from then on", () => {
  const registry = new RuntimeRegistry();
  registry.set(runtimeStandIn("oci/runc"));
  registry.plug({ type: "containerd", make: runtimeStandIn });
  expect(registry.list()).toHaveLength(1);
  const made = registry.get("containerd/run/c.sock");
  expect(registry.get("containerd/run/c.sock")).toBe(made);
  expect(registry.list().map(({ id }) => id)).toEqual(["oci/runc", "containerd/run/c.sock"]);
  expect(() => registry.get("oci/none")).toThrow(/not available/);
});
