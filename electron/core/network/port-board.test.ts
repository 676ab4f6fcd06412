import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PortBoard } from "./port-board.ts";

test("each sees the others' ports and not its own, for as long as they are posted", async () => {
  const base = await mkdtemp(join(tmpdir(), "shimyard-board-"));
  const directory = join(base, "ports");
  const [one, two] = [new PortBoard(directory, "one"), new PortBoard(directory, "two")];
  const port = { hostIp: "0.0.0.0", hostPort: 80, containerPort: 80, protocol: "tcp" as const };
  expect(await two.others()).toEqual([]);
  await one.post([port]);
  expect(await two.others()).toEqual([port]);
  expect(await one.others()).toEqual([]);
  await writeFile(join(directory, "broken.json"), "{");
  expect(await two.others()).toEqual([port]);
  await one.post([]);
  expect(await readdir(directory)).toEqual(["broken.json"]);
  await rm(base, { recursive: true });
});
