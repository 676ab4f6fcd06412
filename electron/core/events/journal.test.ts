import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Exchange } from "./exchange.ts";
import { Journal } from "./journal.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "shimyard-journal-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const seqs = (events: { seq: number }[]): number[] => events.map(({ seq }) => seq);

async function publish(count: number, containerId = "a"): Promise<void> {
  const journal = await Journal.open(directory);
  const exchange = new Exchange(journal);
  for (let i = 0; i < count; i += 1) exchange.publish({ topic: "/tasks/start", containerId });
  await journal.close();
}

test("numbers go on after a restart, and the newest come first", async () => {
  await publish(3);
  await publish(2, "b");
  const journal = await Journal.open(directory);
  expect(seqs(await journal.query({ limit: 10 }))).toEqual([5, 4, 3, 2, 1]);
  expect(seqs(await journal.query({ limit: 2, before: 5 }))).toEqual([4, 3]);
  expect(seqs(await journal.query({ limit: 10, containerId: "b" }))).toEqual([5, 4]);
  await journal.close();
});

test("a line that a crash cut short is skipped, and what follows is whole", async () => {
  await publish(2);
  const [file] = await readdir(directory);
  await appendFile(join(directory, file as string), '{"seq":3,"time":');
  await publish(1);
  const journal = await Journal.open(directory);
  expect(seqs(await journal.query({ limit: 10 }))).toEqual([3, 2, 1]);
  await journal.close();
});

test("old files go, and queries cross from file to file", async () => {
  const journal = await Journal.open(directory, { maxFileSize: 1000, maxFiles: 3 });
  const exchange = new Exchange(journal);
  for (let i = 0; i < 100; i += 1) {
    exchange.publish({ topic: "/tasks/start", containerId: "a" });
    if (i % 5 === 4) await journal.query({ limit: 1 });
  }
  const found = seqs(await journal.query({ limit: 1000 }));
  expect(found).toEqual(found.map((_, i) => 100 - i));
  expect(found.length).toBeLessThan(100);
  expect(found.length).toBeGreaterThan(10);
  expect(await readdir(directory)).toHaveLength(3);
  await journal.close();
});

test("lines longer than what is read at a time come whole", async () => {
  const journal = await Journal.open(directory);
  const exchange = new Exchange(journal);
  const text = "ü".repeat(4096);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`text${i}`, `${text}!`]));
  for (const name of ["first", "second"]) {
    exchange.publish({ topic: "/images/create", data: { name, ...many } });
  }
  const events = await journal.query({ limit: 10 });
  expect(events.map(({ data }) => [data.name, data.text29 === text])).toEqual([
    ["second", true],
    ["first", true],
  ]);
  await journal.close();
});

test("a journal that can't be written says so, and writes all when it can again", async () => {
  const journal = await Journal.open(directory);
  const exchange = new Exchange(journal);
  await rm(directory, { recursive: true });
  await writeFile(directory, "in the way");
  exchange.publish({ topic: "/tasks/start", containerId: "a" });
  await journal.query({ limit: 1 });
  expect(journal.error).toBeDefined();
  await rm(directory);
  await (await Journal.open(directory)).close();
  exchange.publish({ topic: "/tasks/exit", containerId: "a" });
  expect(seqs(await journal.query({ limit: 10 }))).toEqual([2, 1]);
  expect(journal.error).toBeUndefined();
  await journal.close();
});
