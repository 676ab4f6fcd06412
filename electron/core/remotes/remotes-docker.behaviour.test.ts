import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { resolvePaths } from "#core/host/paths";
import { choosePrivileges } from "#core/host/privileges";
import { TestDockerd } from "../runtime/containerd/testing-docker.ts";
import { lacks } from "../runtime/containerd/testing.ts";
import { TaskManager } from "../runtime/manager.ts";
import { RuntimeRegistry } from "../runtime/plugin.ts";
import { Store } from "../store/store.ts";
import { TerminalService } from "../terminals/terminal-service.ts";
import { Places } from "./places.ts";
import { RemoteService } from "./remote-service.ts";
import { busyboxArchive, follow } from "./testing.ts";
import { Visits } from "./visits.ts";

const noDocker = lacks("dockerd", "docker");

describe.skipIf(noDocker)(`docker's containerd${noDocker ? ` (skipped: ${noDocker})` : ""}`, () => {
  test("shows docker's containers under docker's name; docker sees what is done; nothing is deleted", async () => {
    const dockerd = await TestDockerd.start();
    const { socket, directory: root } = dockerd;
    const store = await Store.open(join(root, "meta"));
    const context = { paths: resolvePaths({}, 0, "/", root), privileges: choosePrivileges() };
    const visits = new Visits(context);
    const remotes = new RemoteService(new Places(store, [socket]), visits);
    const places = follow((signal) => remotes.watchPlaces(signal));
    const list = follow((signal) => remotes.watch(signal));
    try {
      const { layer } = await busyboxArchive(root);
      await dockerd.docker("import", layer, "box");
      const id = await dockerd.docker("run", "-d", "--network=none", "box", "/bin/sleep", "1000");
      const key = `${socket} moby ${id}`;
      await vi.waitFor(() => expect(list.items.get(key)?.status).toBe("running"), 20_000);
      expect(list.items.get(key)).toMatchObject({ namespace: "moby", name: id.slice(0, 12) });
      await vi.waitFor(() =>
        expect(places.items.get(socket)?.namespaces).toContainEqual({
          ...{ name: "moby", owner: "docker", deletable: false },
        }),
      );
      const tasks = new TaskManager({ paths: context.paths, registry: new RuntimeRegistry() });
      const terminals = new TerminalService({ tasks, namespace: "default", elsewhere: remotes });
      const containerId = list.items.get(key)?.ref ?? "";
      const size = { cols: 80, rows: 24 };
      const terminal = await terminals.exec({ containerId, args: ["sleep", "99"], ...size });
      expect(await dockerd.docker("top", id)).toContain("sleep 99");
      await terminals.close({ id: terminal.id });
      expect(await dockerd.docker("top", id)).not.toContain("sleep 99");
      terminals.dispose();
      tasks.dispose();
      await expect(remotes.delete(key)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
      await remotes.pause(key);
      await vi.waitFor(async () =>
        expect(await dockerd.docker("inspect", "--format={{.State.Status}}", id)).toBe("paused"),
      );
      await remotes.resume(key);
      await remotes.kill(key, "SIGKILL");
      await vi.waitFor(async () =>
        expect(await dockerd.docker("inspect", "--format={{.State.ExitCode}}", id)).toBe("137"),
      );
      // docker removes an ended container's record from containerd, and keeps its own.
      await vi.waitFor(() => expect(list.items.has(key)).toBe(false), 20_000);
      await dockerd.docker("rm", "--force", id);
    } finally {
      await Promise.all([places.stop(), list.stop()]);
      remotes.dispose();
      visits.dispose();
      await store.close();
      await dockerd.close();
    }
  });
});
