import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OciSpec } from "#core/runtime/runtime";
import { run, runDetached, sleep } from "./command.ts";
import { command, type Contender } from "./contender.ts";
import { isRunning, removeCgroup } from "./host.ts";
import type { Rootfs } from "./rootfs.ts";

/**
 * runc with nothing around it: no shim, no log, nobody who records the exit. What it is given is the
 * spec that Shimyard makes, and an overlay over the same root file system, mounted and unmounted with
 * mount(8) and umount(8) by the host. `spec` is a config.json from one of Shimyard's bundles.
 */
export async function bareRunc(root: string, rootfs: Rootfs, spec: OciSpec): Promise<Contender> {
  await mkdir(root, { recursive: true });
  const cgroup = `/shimyard-bench-runc-${process.pid}`;
  const version = /^runc version (\S+)/.exec(await run(["runc", "--version"]))?.[1] ?? "?";
  const runc = new BareRunc(root, rootfs, spec, cgroup, `runc ${version}`);
  return runc;
}

class BareRunc implements Contender {
  readonly name = "bare runc";
  readonly manager: Contender["manager"];
  readonly #root: string;
  readonly #lower: string;
  readonly #spec: OciSpec;
  readonly #cgroup: string;
  readonly #handles = new Set<string>();

  constructor(root: string, rootfs: Rootfs, spec: OciSpec, cgroup: string, version: string) {
    this.#root = root;
    this.#lower = rootfs.directory;
    this.#spec = spec;
    this.#cgroup = cgroup;
    this.manager = {
      name: "bare",
      version,
      root,
      pids: async () => [],
      close: async () => {
        for (const handle of this.#handles) await this.remove(handle);
        await removeCgroup(cgroup);
      },
    };
  }

  #runc(...args: string[]): string[] {
    return ["runc", "--root", join(this.#root, "state"), ...args];
  }

  async start(name: string): Promise<string> {
    const bundle = join(this.#root, name);
    const at = (part: string): string => join(bundle, part);
    this.#handles.add(name);
    await mkdir(bundle);
    await Promise.all(["upper", "work", "rootfs"].map((part) => mkdir(at(part))));
    const spec: OciSpec = {
      ...this.#spec,
      root: { ...this.#spec.root, path: "rootfs" },
      process: { ...this.#spec.process, args: command },
      linux: { ...this.#spec.linux, cgroupsPath: `${this.#cgroup}/${name}` },
    };
    const layers = `lowerdir=${this.#lower},upperdir=${at("upper")},workdir=${at("work")}`;
    await Promise.all([
      writeFile(at("config.json"), JSON.stringify(spec)),
      run(["mount", "-t", "overlay", "overlay", "-o", layers, at("rootfs")]),
    ]);
    await runDetached(this.#runc("create", "--bundle", bundle, "--pid-file", at("pid"), name));
    await runDetached(this.#runc("start", name));
    return name;
  }

  async exec(handle: string): Promise<void> {
    await runDetached(this.#runc("exec", handle, "true"));
  }

  /** `runc delete --force` would wait in steps of 100 ms; this is what a caller in a hurry does instead. */
  async remove(handle: string): Promise<void> {
    const bundle = join(this.#root, handle);
    const pid = await this.pid(handle);
    if (pid !== undefined) {
      await runDetached(this.#runc("kill", handle, "KILL"));
      while (await isRunning(pid)) await sleep(1);
    }
    await runDetached(this.#runc("delete", "--force", handle));
    await run(["umount", join(bundle, "rootfs")]);
    await rm(bundle, { recursive: true });
    this.#handles.delete(handle);
  }

  async pid(handle: string): Promise<number | undefined> {
    const pid = Number(await readFile(join(this.#root, handle, "pid"), "utf8"));
    return (await isRunning(pid)) ? pid : undefined;
  }
}
