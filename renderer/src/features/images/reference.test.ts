import { expect, it } from "vitest";
import { imageName, registryOf, splitReference } from "./reference.ts";

it("tells a tag from a registry's port, and keeps a digest whole", () => {
  expect(splitReference("alpine")).toEqual({ repository: "alpine", tag: "" });
  expect(splitReference("localhost:5000/web")).toEqual({
    repository: "localhost:5000/web",
    tag: "",
  });
  expect(splitReference("127.0.0.1:5000/a/web:1.2")).toEqual({
    repository: "127.0.0.1:5000/a/web",
    tag: ":1.2",
  });
  expect(splitReference("alpine:3@sha256:ab")).toEqual({
    repository: "alpine",
    tag: ":3@sha256:ab",
  });
  expect(splitReference("alpine@sha256:ab")).toEqual({ repository: "alpine", tag: "@sha256:ab" });
});

it("knows which registry a reference goes to", () => {
  expect(registryOf("alpine")).toBe("docker.io");
  expect(registryOf("mara/alpine:3")).toBe("docker.io");
  expect(registryOf("localhost/web")).toBe("localhost");
  expect(registryOf("10.0.3.7:5000/web:1")).toBe("10.0.3.7:5000");
});

it("calls an image without a name by its id", () => {
  expect(imageName({ id: "ab".repeat(32), names: [] })).toBe("abababababab");
});
