import { createInterface } from "node:readline";
import { AppError } from "#shared/errors";
import { createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";

/**
 * A manager in a process of its own, to be run as another user in tests: `ROOT`, then a command a line on standard
 * input, answered by a line each (see runtime/child-manager.ts).
 */
type Command =
  | { do: "pull"; reference: string }
  | { do: "run"; imageId: string; args: string[] }
  | { do: "commit"; containerId: string; name: string }
  | { do: "load" | "importTar"; path: string }
  | { do: "build"; context: string }
  | { do: "clean" };

const [root = ""] = process.argv.slice(2);
const core = await createCore({
  paths: resolvePaths({}, process.getuid?.() ?? 0, "/", root),
  ...{ version: "0.0.0", kind: "test" },
});
await core.ready;

async function obey(command: Command): Promise<unknown> {
  const { images, transfers, containers, containerImages, builds, logs } = core;
  switch (command.do) {
    case "pull":
      return transfers.pull(command.reference);
    case "load":
      return images.loadArchive(command.path);
    case "importTar":
      return images.importTar({ path: command.path, name: "imported:1" });
    case "commit":
      return containerImages.commit({ ...command, pause: false });
    case "build": {
      await images.ensureStarter();
      const { context } = command;
      return builds.build({ buildId: "one", context, args: {}, name: "built:1" });
    }
    case "run": {
      const { id } = await containers.create(
        {
          ...{ name: `run-${Date.now()}`, imageId: command.imageId, args: command.args },
          ...{ env: [], terminal: false, limits: {}, restart: { name: "no" }, labels: {} },
        },
        true,
      );
      for (;;) {
        const { state } = (await containers.get(id)).container;
        if (state.status === "exited") {
          const { lines } = await logs.read({ id, from: 0, count: 100 });
          const output = lines.map(({ text }) => text).join("\n");
          return { id, code: state.exitCode, output };
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    case "clean": {
      for (const { id } of await containers.list()) await containers.delete(id, true);
      const { images: removed } = await images.prune("unused");
      await builds.clearCache();
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
