import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findEngines } from "./engines.ts";

test("those that are there are told with their versions, where they say one", async () => {
  const directory = await mkdtemp(join(tmpdir(), "shimyard-engines-"));
  const host = { root: "/", searchPath: [directory], uid: 0, userName: "root" };
  try {
    expect(await findEngines({}, host)).toEqual([]);
    for (const [name, words] of [
      ["podman", "podman version 4.3.1"],
      ["docker", "no daemon"],
    ] as const) {
      await writeFile(join(directory, name), `#!/bin/sh\necho ${words}\n`);
      await chmod(join(directory, name), 0o755);
    }
    expect(await findEngines({}, host)).toEqual([
      { name: "podman", path: join(directory, "podman"), version: "4.3.1" },
      { name: "docker", path: join(directory, "docker") },
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
