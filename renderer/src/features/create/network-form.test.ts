import { describe, expect, it } from "vitest";
import {
  initialNetworkForm,
  networkFormOf,
  networkSummary,
  noPlace,
  toNetworks,
} from "./network-form.ts";

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
    expect(toNetworks({ ...form, ports: "80 web" }).errors?.ports).toContain("web");
  });

  it("publishes nothing without a network of its own", () => {
    const form = { ...initialNetworkForm, mode: "host" as const, ports: "80" };
    expect(toNetworks(form)).toEqual({ networks: "host" });
  });

  it("has another container's network, and is read back so", () => {
    const form = { ...initialNetworkForm, mode: "container" as const, container: " db " };
    const networks = toNetworks(form);
    expect(networks).toEqual({ networks: { container: "db" } });
    expect(networkFormOf(networks)).toEqual({ ...form, container: "db" });
    expect(networkSummary(form)).toBe("the network of db");
    expect(toNetworks({ ...form, container: " " }).errors).toEqual({
      networks: "Name the container",
    });
  });

  it("asks for addresses and names in each network, and says which it can't read", () => {
    const networks = [
      { name: "shop", ip4: "10.9.0.7", mac: "02:42:ac:11:00:02", aliases: ["db", "sql"] },
      { name: "vault", ip6: "fd00::7" },
    ];
    const form = networkFormOf({ networks });
    expect(toNetworks(form)).toEqual({ networks });
    expect(networkSummary(form)).toBe(
      "shop, vault · 10.9.0.7, 02:42:ac:11:00:02, db, sql, fd00::7",
    );
    for (const [field, wrong] of [
      ["ip4", "10.9.0.256"],
      ["ip6", "seven"],
      ["mac", "01:42:ac:11:00:02"],
      ["aliases", "db -x"],
    ] as const) {
      const places = { shop: { ...noPlace, [field]: wrong } };
      expect(toNetworks({ ...form, places }).errors?.networks).toMatch(/^In shop: /);
    }
  });
});
