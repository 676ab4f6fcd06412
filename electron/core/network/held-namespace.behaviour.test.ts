import { readFile, readlink } from "node:fs/promises";
import { describe, expect, test, vi } from "vitest";
import { runCommand } from "../host/command.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { machine } from "./ground.ts";
import { HeldNamespace } from "./held-namespace.ts";
import { linkNames } from "./links.ts";

const { rootless } = choosePrivileges();

/** Rejects when nobody is in it. */
const whereIs = (namespace: HeldNamespace): Promise<string> => readlink(namespace.path);

describe.skipIf(rootless)("a network namespace that waits for a container", () => {
  test("is one of its own, does what it is told, and ends when it is let go of", async () => {
    const namespace = await HeldNamespace.make(machine);
    const place = await whereIs(namespace);
    expect(place).not.toBe(await readlink("/proc/self/ns/net"));
    await namespace.run(["link add name one type bridge", "addr add 192.0.2.1/24 dev one"]);
    // What it was told before is done when the second call is answered, too.
    await namespace.run(["link set one up"]);
    const links = linkNames({ proc: `/proc/${namespace.pid}` });
    expect(links).toEqual(expect.arrayContaining(["lo", "one"]));
    expect(await readFile(`/proc/${namespace.pid}/net/route`, "utf8")).toContain("one");
    expect(namespace.isHeld).toBe(true);
    namespace.release();
    namespace.release();
    await vi.waitFor(() => expect(namespace.isHeld).toBe(false), { timeout: 10_000 });
    await expect(whereIs(namespace)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("stays for whoever has entered it", async () => {
    const namespace = await HeldNamespace.make(machine);
    const place = await whereIs(namespace);
    let said = "";
    const entered = runCommand(
      [
        ...["nsenter", `--net=${namespace.path}`, "sh", "-c"],
        `echo entered; while [ -e ${namespace.path} ]; do sleep 0.02; done; readlink /proc/self/ns/net`,
      ],
      { onStdout: (chunk) => (said += String(chunk)) },
    );
    await vi.waitFor(() => expect(said).toContain("entered"), { timeout: 10_000 });
    namespace.release();
    await entered;
    expect(said).toContain(place);
  });

  test("says what can't be done in it, and is gone then", async () => {
    const namespace = await HeldNamespace.make(machine);
    await expect(namespace.run(["link set nothing up"])).rejects.toMatchObject({
      message: 'ip: Cannot find device "nothing"',
    });
    await vi.waitFor(() => expect(namespace.isHeld).toBe(false), { timeout: 10_000 });
    await expect(namespace.run([])).rejects.toMatchObject({ code: expect.any(String) });
  });

  test("that can't be made says why", async () => {
    const nowhere = { enter: () => ["/nonexistent/unshare"] };
    await expect(HeldNamespace.make(nowhere)).rejects.toMatchObject({
      message: expect.stringContaining("/nonexistent/unshare could not be started"),
    });
  });
});
