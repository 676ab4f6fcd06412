import { describe, expect, it } from "vitest";
import type { ImageConfig } from "#shared/contract/images";
import {
  type CreateForm,
  fieldOf,
  generateName,
  initialForm,
  pair,
  parsePairLines,
  toConfig,
} from "./form.ts";

const image = "a".repeat(64);
const form = initialForm("web", image);
const typed = (all: CreateForm) => toConfig(all, undefined);

describe("what is run", () => {
  const config: ImageConfig = {
    ...{ entrypoint: ["/entry"], cmd: ["serve", "--all"], env: [], cwd: "/", user: "" },
    ...{ ports: [], volumes: [], labels: {} },
  };
  const run = (part: Partial<CreateForm>, of = config) => {
    const { config: made, errors } = toConfig({ ...form, ...part }, of);
    return made ? { entrypoint: made.entrypoint, args: made.args } : errors;
  };

  it("leaves to the image what was not touched", () => {
    expect(run({})).toEqual({ entrypoint: undefined, args: [] });
    expect(run({ command: "serve --one" })).toEqual({
      entrypoint: undefined,
      args: ["serve", "--one"],
    });
  });

  it("names the image's entrypoint when its command was emptied, which would come back otherwise", () => {
    expect(run({ command: "" })).toEqual({ entrypoint: ["/entry"], args: [] });
    expect(run({ command: "" }, { ...config, entrypoint: [] })).toEqual({
      entrypoint: undefined,
      args: [],
    });
  });

  it("takes another entrypoint, or none, and wants something to run", () => {
    expect(run({ entrypoint: "sh -c", command: "'exit 3'" })).toEqual({
      entrypoint: ["sh", "-c"],
      args: ["exit 3"],
    });
    expect(run({ entrypoint: "", command: "ls" })).toEqual({ entrypoint: [], args: ["ls"] });
    expect(run({ entrypoint: "", command: "" })).toEqual({
      args: "Without an entrypoint it needs a command",
    });
    expect(run({ entrypoint: "'", command: "ls" })).toHaveProperty("entrypoint");
  });
});

describe("toConfig", () => {
  it("makes the smallest configuration of the smallest form", () => {
    expect(toConfig(form, undefined).config).toEqual({
      name: "web",
      imageId: image,
      args: [],
      env: [],
      terminal: false,
      limits: {},
      restart: { name: "no" },
      labels: {},
    });
  });

  it("reads everything that was typed", () => {
    const { config } = typed({
      ...form,
      command: `sh -c 'echo "hi there"'`,
      env: [pair("A", "1"), pair("", ""), pair("B", "x=y")],
      labels: [pair("team", "edge")],
      limits: { memory: "1.5g", cpus: "0.5", pids: "64" },
      restart: "on-failure",
      retries: "3",
      cwd: "/srv",
      user: " app ",
      runtime: "oci/runc",
      shimGroup: " pair ",
    });
    expect(config).toMatchObject({
      args: ["sh", "-c", 'echo "hi there"'],
      env: ["A=1", "B=x=y"],
      labels: { team: "edge" },
      limits: { memory: 1.5 * 1024 ** 3, cpus: 0.5, pids: 64 },
      restart: { name: "on-failure", maximumRetries: 3 },
      cwd: "/srv",
      user: "app",
      runtime: "oci/runc",
      shimGroup: "pair",
    });
  });

  it("says what is wrong at its field, all at once", () => {
    const { config, errors } = typed({
      ...form,
      name: "",
      imageId: "",
      command: "echo 'x",
      env: [pair("", "1")],
      labels: [pair("", "1")],
      limits: { memory: "lots", cpus: "-1", pids: "1.5" },
      restart: "on-failure",
      retries: "0",
      cwd: "srv",
      hostname: "h".repeat(65),
      shimGroup: "a b",
    });
    expect(config).toBeUndefined();
    expect(Object.keys(errors).sort()).toEqual([
      "args",
      "cwd",
      "env",
      "hostname",
      "imageId",
      "labels",
      "limits.cpus",
      "limits.memory",
      "limits.pids",
      "name",
      "restart",
      "shimGroup",
    ]);
  });
});

it("takes lines as an .env file has them", () => {
  const pairs = parsePairLines("# comment\nA=1\nexport B='two words'\n\nC=x=y\r\nD=\"q\"");
  expect(pairs.map(({ key, value }) => [key, value])).toEqual([
    ["A", "1"],
    ["B", "two words"],
    ["C", "x=y"],
    ["D", "q"],
  ]);
});

it.each([
  ["config.limits.memory", "limits.memory"],
  ["limits.memory", "limits.memory"],
  ["config.env.3", "env"],
  ["name", "name"],
  ["path", undefined],
  [undefined, undefined],
])("finds the form's field of %s", (path, field) => {
  expect(fieldOf(path)).toBe(field);
});

it("makes names that are usable and not taken", () => {
  const name = generateName((each) => each.startsWith("a"));
  expect(name).toMatch(/^[b-z][a-z]+-[a-z]+$/);
  expect(generateName(() => true)).toMatch(/^container-[a-z0-9]+$/);
});
