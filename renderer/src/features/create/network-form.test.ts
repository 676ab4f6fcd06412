import { describe, expect, it } from "vitest";
import { initialNetworkForm, networkFormOf, networkSummary, toNetworks } from "./network-form.ts";

describe("toNetworks", () => {
  it("asks for nothing where nothing was chosen", () => {
    expect(toNetworks(initialNetworkForm)).toEqual({});
    expect(networkSummary(initialNetworkForm)).toBe(false);
  });

  it("reads several ports, and says which one it can't", () => {
    const form = { ...initialNetworkForm, ports: "8080:80, 53/udp", names: ["shop"] };
    expect(toNetworks(form)).toEqual({
      networks: [{ name: "shop" }],
      ports: [
        { hostPort: 8080, containerPort: 80, protocol: "tcp" },
        { containerPort: 53, protocol: "udp" },
      ],
    });
    expect(networkSummary(form)).toBe("shop · 8080:80, 53/udp");
    expect(toNetworks({ ...form, ports: "80 web" }).error).toContain("web");
  });

  it("publishes nothing without a network of its own", () => {
    expect(toNetworks({ ...initialNetworkForm, mode: "host", ports: "80" })).toEqual({
      networks: "host",
    });
  });

  it("has another container's network, and is read back so", () => {
    const form = { ...initialNetworkForm, mode: "container" as const, container: " db " };
    const { error: _, ...networks } = toNetworks(form);
    expect(networks).toEqual({ networks: { container: "db" } });
    expect(networkFormOf(networks)).toEqual({ ...form, container: "db" });
    expect(networkSummary(form)).toBe("the network of db");
  });
});
