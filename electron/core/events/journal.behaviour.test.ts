import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Exchange } from "./exchange.ts";
import { Journal } from "./journal.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
let disk: string;

describe.runIf(isRoot)(isRoot ? "a full disk" : "a full disk (only root can mount one)", () => {
  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), "shimyard-journal-"));
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  });
  afterEach(async () => {
    await run("umount", [disk]);
    await rm(disk, { recursive: true });
  });

  test("loses no event, and has none twice once there is room", async () => {
    const journal = await Journal.open(join(disk, "journal"));
    const exchange = new Exchange(journal);
    const publish = (): void =>
      exchange.publish({ topic: "/tasks/start", data: { text: "x".repeat(1000) } });
    // Several at a time, so that a write is taken in part.
    while (!journal.error) {
      for (let count = 0; count < 5; count += 1) publish();
      await journal.query({ limit: 1 });
    }
    expect(journal.error.code).toBe("RESOURCE_EXHAUSTED");
    await run("mount", ["-o", "remount,size=1m", disk]);
    publish();
    const found = (await journal.query({ limit: 1000 })).map(({ seq }) => seq);
    expect(found).toEqual(found.map((_, at) => journal.lastSeq - at));
    expect(found).toHaveLength(journal.lastSeq);
    await journal.close();
  });
});
