import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { Container } from "#shared/contract/containers";
import type { Project, ProjectSource } from "#shared/contract/projects";
import { type Core, createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { rememberHost } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

/** A manager with a root of its own, and a project's directory, for tests. */
export class ProjectDesk {
  root = "";
  directory = "";
  /** The starter image's name. */
  image = "";
  core!: Core;

  async open(): Promise<void> {
    this.root = await mkdtemp(join(tmpdir(), "shimyard-projects-"));
    this.directory = join(this.root, "shop");
    await mkdir(this.directory);
    await rememberHost(this.#paths);
    await this.openCore();
    this.image = (await this.core.images.ensureStarter()).names[0] as string;
    // A first process that has no handler yet ignores SIGTERM (pid_namespaces(7)).
    await this.core.system.updateSettings({ stopGrace: 1 });
  }

  async openCore(): Promise<void> {
    this.core = await createCore({ paths: this.#paths, version: "0.0.0", kind: "test" });
    await this.core.ready;
  }

  /** Takes all projects down, and expects that nothing is left of them. */
  async clear(): Promise<void> {
    const { projects, containers, volumes, networks } = this.core;
    for (const { id } of await projects.list()) {
      await projects.down(id, { volumes: true });
      await projects.remove(id).catch(() => undefined);
    }
    expect(await containers.list()).toEqual([]);
    expect(await volumes.list()).toEqual([]);
    expect((await networks.list()).map(({ id }) => id)).toEqual(["bridge"]);
  }

  async close(): Promise<void> {
    const { containers } = this.core;
    for (const { id } of await containers.list()) await containers.delete(id, true);
    await this.core.close();
    await removeTree(this.root, choosePrivileges());
  }

  sourceOf(text: string, more: Partial<ProjectSource> = {}): ProjectSource {
    return {
      ...{ directory: this.directory, files: [{ name: "compose.yaml", text }] },
      ...{ env: "", profiles: [], ...more },
    };
  }

  async bringUp(text: string, more: Partial<ProjectSource> = {}): Promise<string> {
    const { id } = await this.core.projects.import(this.sourceOf(text, more));
    await this.core.projects.up(id);
    return id;
  }

  async project(id: string): Promise<Project> {
    return (await this.core.projects.get(id)).project;
  }

  async containersOf(id: string): Promise<Container[]> {
    return (await this.core.projects.get(id)).containers;
  }

  async names(id: string): Promise<string[]> {
    return (await this.containersOf(id)).map(({ name }) => name);
  }

  async outputOf(name: string): Promise<string> {
    const id = this.core.containers.records.idOf(name) as string;
    const { lines } = await this.core.logs.read({ id, from: 0, count: 100 });
    return lines.map(({ text }) => text).join("\n");
  }

  get #paths() {
    return resolvePaths({}, 0, "/root", join(this.root, "root"));
  }
}

/** A service's command that goes on, and ends at once when it is told to. */
export const stays = (before = ""): string =>
  JSON.stringify(["sh", "-c", `trap 'exit 0' TERM; ${before} while :; do sleep 0.1; done`]);
