import { mkdtemp, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../host/command.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { removeTree } from "../snapshots/snapshotter.ts";
import { type Ground, type Grounds, machineGrounds, UserGrounds } from "./ground.ts";
import { HeldNamespace } from "./held-namespace.ts";
import { linkNames } from "./links.ts";
import { ReadyNamespaces } from "./ready-namespaces.ts";

const privileges = choosePrivileges();
let root: string;
let grounds: Grounds;
let ground: Ground;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-held-"));
  grounds = privileges.rootless
    ? new UserGrounds(resolvePaths({}, 0, "/root", root))
    : machineGrounds;
  ground = (await grounds.find(true)) as Ground;
});
afterAll(async () => {
  expect(await grounds.endUnused()).toBe(true);
  await removeTree(root, privileges);
});

/** Rejects when nobody is in it. */
const whereIs = (namespace: HeldNamespace): Promise<string> => readlink(namespace.path);

describe("a network namespace that waits for a container", () => {
  test("is one of its own, does what it is told, and ends when it is let go of", async () => {
    const namespace = await HeldNamespace.make(ground);
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
    const namespace = await HeldNamespace.make(ground);
    const place = await whereIs(namespace);
    let said = "";
    const entered = runCommand(
      [
        ...ground.into(namespace.pid, ["sh", "-c"]),
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
    const namespace = await HeldNamespace.make(ground);
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

test("a namespace that is ready is taken, and let go of where it is of another ground", async () => {
  const ready = new ReadyNamespaces();
  /** Of this process's children, those that wait so. */
  const waiting = async (): Promise<number[]> => {
    const { stdout } = await runCommand(["pgrep", "-P", `${process.pid}`, "-f", "ip -batch -$"]);
    return stdout.toString().split("\n").filter(Boolean).map(Number);
  };
  const before = await waiting();
  const first = await ready.take(ground);
  const next = await nextOf([...before, first.pid]);
  const second = await ready.take(ground);
  expect(second.pid).toBe(next);
  const third = await nextOf([...before, first.pid, next]);
  const other = await ready.take({ ...ground, proc: "/proc/1" });
  expect(other.pid).not.toBe(third);
  await vi.waitFor(async () => expect(await waiting()).not.toContain(third), { timeout: 10_000 });
  await ready.drop();
  for (const one of [first, second, other]) one.release();
  await vi.waitFor(
    async () => expect((await waiting()).filter((pid) => !before.includes(pid))).toEqual([]),
    { timeout: 10_000 },
  );

  async function nextOf(known: number[]): Promise<number> {
    return vi.waitFor(
      async () => {
        const found = (await waiting()).find((pid) => !known.includes(pid));
        expect(found).toBeDefined();
        return found as number;
      },
      { timeout: 10_000 },
    );
  }
});
