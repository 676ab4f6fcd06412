import { expect, test } from "vitest";
import { readText } from "#shared/compose/testing";
import type { Project } from "#shared/compose/project";
import { networkHash } from "./container-config.ts";
import { type PlanFacts, planUp, shownPlan, type UpOptions } from "./project-plan.ts";

const text = `
services:
  web: { image: web, depends_on: { db: { condition: service_healthy } } }
  db: { image: db, healthcheck: { test: "true" }, volumes: ["data:/data"], pull_policy: always }
  made: { build: . }
volumes: { data: , kept: { external: true } }
networks: { default: { internal: true }, spare: {} }
`;

async function projectOf(text: string): Promise<Project> {
  const { project, notes } = await readText(text);
  if (!project) throw new Error(JSON.stringify(notes));
  return project;
}

const nothing: PlanFacts = {
  ...{ containers: [], networks: [], volumes: new Set(["kept"]), devices: new Set() },
  abilities: { bridges: { ok: true }, ports: { ok: true }, names: { ok: true } },
  ...{ image: () => undefined, isTaken: () => false },
};

async function plan(facts: Partial<PlanFacts> = {}, options: UpOptions = {}, from = text) {
  return shownPlan(planUp(await projectOf(from), { ...nothing, ...facts }, options), []);
}

test("where nothing is, all is made; a network that nobody is in is not", async () => {
  expect(await plan()).toMatchObject({
    notes: [],
    services: [
      { name: "web", image: "web", imageAction: "pull", after: ["db"] },
      { name: "db", imageAction: "pull" },
      { name: "made", image: "shop-made", imageAction: "build" },
    ],
    networks: [{ name: "shop_default", action: "create" }],
    volumes: [
      { name: "shop_data", action: "create" },
      { name: "kept", action: "keep" },
    ],
  });
});

test("a service is brought up with what it waits for", async () => {
  const { services } = await plan({}, { services: ["web"] });
  expect(services.map(({ name }) => name)).toEqual(["web", "db"]);
});

test("what is not here and can't be made is an error with its line", async () => {
  const { notes, volumes } = await plan({
    volumes: new Set(),
    isTaken: (name) => name === "shop-web-1",
  });
  expect(volumes[1]).toEqual({ name: "kept", action: "missing" });
  expect(notes.map(({ level, line, message }) => [level, line, message])).toEqual([
    ["error", 3, "There is a container “shop-web-1” that is not this project's"],
    ["error", 6, "There is no volume “kept” here: make it first"],
  ]);
});

test("a network that is described otherwise is made anew", async () => {
  const { networks } = await projectOf(text);
  const config = networks[0]?.config ?? { name: "" };
  const there = (hash: string) => ({
    ...{ id: "shop_default", subnet: "", gateway: "", internal: true, isDefault: false },
    ...{ bridge: "", createdAt: 0, members: [] },
    labels: { "com.docker.compose.config-hash": hash },
  });
  const kept = await plan({ networks: [there(networkHash(config))] });
  expect(kept.networks[0]?.action).toBe("keep");
  const changed = await plan({ networks: [there("another")] });
  expect(changed.networks[0]).toMatchObject({ action: "recreate" });
  expect(changed.notes).toEqual([]);
  // Before the project's own containers are removed for it.
  const guest = {
    ...{ containerId: "g", containerName: "guest", connected: true, interface: "eth0", ip4: "" },
    ...{ mac: "", aliases: [] },
  };
  const shared = await plan({ networks: [{ ...there("another"), members: [guest] }] });
  expect(shared.notes).toMatchObject([
    { level: "error", message: expect.stringContaining("“guest”") },
  ]);
});

test("an ordinary user's services have no network in common, and are told so", async () => {
  const abilities = { ...nothing.abilities, bridges: { ok: false, reason: "Not for you" } };
  const planned = planUp(await projectOf(text), { ...nothing, abilities });
  expect(planned.networks).toEqual([]);
  expect(planned.services.map(({ service }) => service.draft.networks)).toEqual([
    ...[undefined, undefined, undefined],
  ]);
  expect(planned.notes).toMatchObject([
    { level: "lost", message: "Not for you: the services don't find each other by name" },
  ]);
});

test("devices by name are those of this machine, and each that is not there is told of", async () => {
  const text =
    "services:\n  a: { image: i, gpus: 2 }\n  b:\n    image: i\n    devices: [acme.com/tpu=x]\n";
  const read = await projectOf(text);
  const planned = planUp(read, { ...nothing, devices: new Set(["nvidia.com/gpu=1"]) });
  expect(planned.services.map(({ service }) => service.draft.cdiDevices)).toEqual([
    ...[["nvidia.com/gpu=1"], undefined],
  ]);
  const gone = (name: string): string => `There is no device ${name} on this machine`;
  expect(
    planned.notes.map(({ level, line, path, message }) => [level, line, path, message]),
  ).toEqual([
    ["lost", 2, "services.a.gpus", `${gone("nvidia.com/gpu=0")}: it goes without`],
    ["error", 5, "services.b.devices[0]", gone("acme.com/tpu=x")],
  ]);
});
