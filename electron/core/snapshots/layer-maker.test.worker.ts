import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { AppError } from "#shared/errors";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { chooseLayerStore } from "./choose-layer-store.ts";
import type { LayerKind } from "./layer.ts";
import { makeLayer } from "./make-layer.ts";
import { Snapshotter } from "./snapshotter.ts";
import { describeTree } from "./testing.ts";

/**
 * Makes layers in a process of its own, to be killed or run as another user in tests: `ROOT KIND`, then a command a
 * line on standard input, answered by a line each (see runtime/child-manager.ts).
 */
type Command =
  | { do: "make"; tar: string; stopAfter?: number }
  | { do: "describe"; diffIds: string[] }
  | { do: "users"; diffIds: string[] }
  | { do: "remove"; diffId: string }
  | { do: "list" };

const [root = "", kind] = process.argv.slice(2);
const paths = resolvePaths({}, 0, "/", root);
const privileges = choosePrivileges();
const store = await chooseLayerStore({
  paths,
  privileges,
  ...(kind && { kind: kind as LayerKind }),
});
const snapshots = new Snapshotter(paths, privileges, store);

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case "make":
      return makeLayer(store.plan(), upTo(command.tar, command.stopAfter), { compression: "none" });
    case "describe": {
      await using view = await snapshots.view(command.diffIds);
      return await describeTree(view.root, privileges, view.pid);
    }
    case "users":
      return snapshots.imageUserFiles(command.diffIds);
    case "remove":
      return store.remove(command.diffId);
    case "list":
      return { kind: store.kind, layers: await store.list() };
    default:
      throw new AppError("UNIMPLEMENTED", "There is no such command");
  }
}

/** The bytes of a file; after so many of them it says so, and no more come. */
async function* upTo(path: string, stopAfter = Infinity): AsyncGenerator<Uint8Array> {
  let given = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    given += chunk.length;
    yield chunk;
    if (given < stopAfter) continue;
    say({ ok: "stopped" });
    await new Promise(() => {});
  }
}

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);

say({ infos: [] });
for await (const line of createInterface({ input: process.stdin })) {
  await obey(JSON.parse(line) as Command).then(
    (ok) => say({ ok: ok ?? null }),
    (error: unknown) => say({ error: AppError.from(error).toInfo() }),
  );
}
