import { afterAll, beforeAll, expect, test } from "vitest";
import { containerLog } from "#core/host/paths";
import type { LogLine } from "#shared/contract/logs";
import type { TaskManager } from "../runtime/manager.ts";
import { makeTestRoot, type TestRoot } from "../runtime/testing.ts";
import { startContainer, startManager } from "../terminals/testing.ts";
import { LogService } from "./log-service.ts";

let root: TestRoot;
let manager: TaskManager;
let service: LogService;

beforeAll(async () => {
  root = await makeTestRoot();
  manager = await startManager(root);
  service = new LogService({ logPath: (id) => containerLog(root.paths, "default", id) });
});

afterAll(async () => {
  service.dispose();
  for (const task of manager.list()) await task.delete({ force: true });
  manager.dispose();
  await root.close();
});

test("20,000 lines of a container while following, the reader paused in between: none lost, none doubled", async () => {
  const request = await root.request("a", ["sh", "-c", "seq 1 20000; printf last; seq 1 3 >&2"]);
  const task = await manager.create("oci/runc", request);
  const controller = new AbortController();
  const follow = service.follow({ id: "a", tail: 5000 }, controller);
  const seen = new Map<number, LogLine>();
  const ended: number[] = [];
  let batches = 0;
  expect((await follow.next()).value).toEqual({ reset: true, lines: [], total: 0 });
  await task.start();
  for await (const { lines, reset } of follow) {
    // The file may have been made only now.
    if (reset) expect(seen.size).toBe(0);
    for (const line of lines) {
      seen.set(line.line, line);
      if (!line.open) ended.push(line.line);
    }
    batches += 1;
    if (batches === 3) await task.wait();
    if (seen.size === 20_004) break;
  }
  controller.abort();
  expect(new Set(ended).size).toBe(ended.length);
  expect([...seen.keys()].sort((a, b) => a - b)).toEqual(
    Array.from({ length: 20_004 }, (_none, at) => at),
  );
  const out = [...seen.values()].filter(({ stream }) => stream === "stdout");
  const texts = out.sort((a, b) => a.line - b.line).map(({ text }) => text);
  expect(texts).toEqual([...Array.from({ length: 20_000 }, (_none, at) => `${at + 1}`), "last"]);
  const errors = [...seen.values()].filter(({ stream }) => stream === "stderr");
  expect(errors.map(({ text }) => text)).toEqual(["1", "2", "3"]);

  // The same from the file, the container being over.
  const { lines, total } = await service.read({ id: "a", from: 12_340, count: 3 });
  expect(total).toBe(20_004);
  expect(lines.map(({ text }) => text)).toEqual(
    [12_340, 12_341, 12_342].map((at) => seen.get(at)?.text),
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of service.download({ id: "a", timestamps: false, stream: "stdout" })) {
    chunks.push(chunk);
  }
  expect(Buffer.concat(chunks).toString()).toBe(`${texts.join("\n")}\n`);
});

test("long lines of wide characters, which conmon splits anywhere", async () => {
  const script =
    'l=""; i=0; while [ $i -lt 1500 ]; do l="$l日本語✓"; i=$((i+1)); done; echo "$l"; echo "x$l"';
  const task = await startContainer(manager, root, "b", ["sh", "-c", script]);
  await task.wait();
  const { lines } = await service.read({ id: "b", from: 0, count: 10 });
  const text = "日本語✓".repeat(1500);
  expect(lines.map((line) => line.text)).toEqual([text, `x${text}`]);
});
