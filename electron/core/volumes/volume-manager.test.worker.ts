import { createInterface } from "node:readline";
import type { ContainerMount } from "#shared/contract/container-options";
import { AppError } from "#shared/errors";
import { createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";

/**
 * A manager in a process of its own, to be killed or run as another user in tests: `ROOT`, then a command a line on
 * standard input, answered by a line each (see runtime/child-manager.ts).
 */
type Command =
  | { do: "import"; path: string }
  | { do: "run"; imageId: string; script: string; mounts: ContainerMount[] }
  | { do: "back-up" | "restore"; id: string; path: string }
  | { do: "volumes" }
  | { do: "clean" };

const [root = ""] = process.argv.slice(2);
const core = await createCore({
  paths: resolvePaths({}, process.getuid?.() ?? 0, "/", root),
  ...{ version: "0.0.0", kind: "test" },
});
await core.ready;

async function obey(command: Command): Promise<unknown> {
  const { images, containers, volumes, logs } = core;
  switch (command.do) {
    case "import":
      return images.importTar({ path: command.path, name: "filled:1" });
    case "run": {
      const { imageId, script, mounts } = command;
      const { id } = await containers.create(
        {
          ...{ name: `run-${Date.now()}`, imageId, args: ["sh", "-c", script], mounts },
          ...{ env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {} },
        },
        true,
      );
      for (;;) {
        const { state } = (await containers.get(id)).container;
        if (state.status === "exited") {
          const { lines } = await logs.read({ id, from: 0, count: 100 });
          return lines.map(({ text }) => text).join("\n");
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    case "back-up":
      return volumes.archives.backUp(command.id, command.path);
    case "restore":
      return volumes.archives.restore(command.id, command.path);
    case "volumes": {
      const sizes = await volumes.diskUse();
      return (await volumes.list()).map((volume) => ({
        ...volume,
        size: sizes.find(({ id }) => id === volume.id)?.size,
      }));
    }
    case "clean": {
      for (const { id } of await containers.list()) await containers.delete(id, true);
      const removed = await volumes.prune({ what: "unused" });
      await core.close();
      return removed;
    }
    default:
      throw new AppError("UNIMPLEMENTED", "There is no such command");
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
