import { describe, expect, it } from "vitest";
import type { Container } from "#shared/contract/containers";
import type { Sample } from "#shared/contract/stats";
import { fakeContainer, fakeContainers } from "../../testing/fake-data.ts";
import { comparator, labelText, parseFilter, portText, possible, segmentCounts } from "./view.ts";

const all = fakeContainers();

function found(filter: string): string[] {
  return all.filter(parseFilter(filter)).map(({ name }) => name);
}

describe("filter", () => {
  it("looks in name, image, id and labels, and wants every word", () => {
    expect(found("ORDERS")).toEqual(["orders-worker", "migrate-2026-11"]);
    expect(found("orders worker")).toEqual(["orders-worker"]);
    expect(found((all[0] as Container).id.slice(0, 10))).toEqual(["postgres"]);
    expect(found("team=edge")).toEqual(["api-gateway"]);
  });

  it("looks only where a prefix says", () => {
    expect(found("label:tier")).toEqual(["postgres", "orders-worker"]);
    expect(found("label:tier=db")).toEqual(["postgres"]);
    expect(found("status:paused")).toEqual(["ml-notebook"]);
    expect(found("status:checkpointing")).toEqual(["sim-batch-07"]);
    expect(found("status:shim")).toEqual(["legacy-ftp"]);
    expect(found("image:busybox")).toEqual(["broken-entry", "sandbox"]);
    expect(found("runtime:runc name:sim")).toEqual(["sim-batch-07"]);
  });

  it("lets everything through while a prefix has no value yet", () => {
    expect(found("status:")).toHaveLength(all.length);
    expect(found("  ")).toHaveLength(all.length);
  });
});

it("counts segments; what failed is stopped and in trouble, as is what is unhealthy", () => {
  expect(segmentCounts(all)).toEqual({ all: 13, running: 6, stopped: 5, trouble: 6 });
});

describe("order", () => {
  const sorted = (key: Parameters<typeof comparator>[0]["key"], descending = false): string[] =>
    [...all]
      .sort(
        comparator({ key, descending }, (id) => {
          const index = all.findIndex((each) => each.id === id);
          return index < 3 ? ({ cpu: index / 10, memory: 100 - index } as Sample) : undefined;
        }),
      )
      .map(({ name }) => name);

  it("orders names as people do", () => {
    const three = ["w-10", "w-9", "W-1"].map((name, n) =>
      fakeContainer(n, name, "x", { status: "created" }),
    );
    const order = comparator({ key: "name", descending: false }, () => undefined);
    expect(three.sort(order).map(({ name }) => name)).toEqual(["W-1", "w-9", "w-10"]);
  });

  it("puts the largest load first, and what has none last", () => {
    expect(sorted("cpu", true).slice(0, 3)).toEqual(["orders-worker", "api-gateway", "postgres"]);
    expect(sorted("memory", true).slice(0, 3)).toEqual([
      "postgres",
      "api-gateway",
      "orders-worker",
    ]);
  });

  it("puts the youngest first", () => {
    expect(sorted("since")[0]).toBe("mailer");
  });
});

it("writes ports", () => {
  const port = { hostIp: "0.0.0.0", hostPort: 8443, containerPort: 443, protocol: "tcp" } as const;
  expect(portText([port])).toBe("8443 → 443");
  expect(
    portText([
      { ...port, hostIp: "127.0.0.1", containerPort: 8443 },
      { ...port, hostPort: 53, containerPort: 53, protocol: "udp" },
    ]),
  ).toBe("127.0.0.1:8443, 53/udp");
});

it("tells labels without compose's books, and the project as the filter has it", () => {
  const labelled = (labels: Container["labels"]): Container =>
    fakeContainer(1, "web", "nginx", { status: "running" }, { labels });
  const labels = { tier: "front", beta: "", ...{ "com.docker.compose.config-hash": "5f" } };
  expect(labelText(labelled(labels))).toBe("beta, tier=front");
  const inProject = { ...labels, "com.docker.compose.project": "shop" };
  expect(labelText(labelled(inProject))).toBe("beta, tier=front, project:shop");
});

it("offers only what a state allows", () => {
  const of = (name: string) => possible(all.find((each) => each.name === name) as Container);
  expect(of("postgres")).toEqual({ start: false, stop: true, pause: true, resume: false });
  expect(of("ml-notebook")).toEqual({ start: false, stop: true, pause: false, resume: true });
  expect(of("mailer")).toEqual({ start: true, stop: false, pause: false, resume: false });
  expect(of("legacy-ftp")).toEqual({ start: false, stop: true, pause: false, resume: false });
  expect(of("sim-batch-07")).toEqual({ start: false, stop: true, pause: false, resume: false });
});
