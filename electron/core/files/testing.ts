import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import type { FileChange, FileEntry, FileSource } from "#shared/contract/files";
import { shareTestCore } from "../images/test-core.ts";
import { until } from "../runtime/testing.ts";

const run = promisify(execFile);
const { signal } = new AbortController();

/** What ends only when it is told to. */
export const idle = "while :; do sleep 1; done";

/**
 * Containers and what can be done to their files, for all tests of a file (see shareTestCore), which leave no mount and
 * no process.
 */
export function useFiles() {
  let dir = "";
  afterAll(async () => {
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(dir);
    expect(await agents()).toEqual([]);
  });
  const own = shareTestCore();
  // The test of every runtime is to know them all.
  beforeAll(async () => {
    ({ dir } = own);
    await until(() => !own.core.system.info.value.probing);
  });

  let count = 0;
  async function container(
    script: string,
    start = true,
    more: Partial<ContainerConfig> = {},
  ): Promise<FileSource & { id: string }> {
    count += 1;
    const config: ContainerConfig = {
      ...{
        name: `files-${count}`,
        imageId: own.imageId,
        args: ["sh", "-c", script],
        env: [],
        terminal: false,
      },
      ...{ limits: {}, restart: { name: "no" }, labels: {}, ...more },
    };
    const { id } = await own.core.containers.create(config, start);
    return { kind: "container", id };
  }

  async function exec(id: string, script: string): Promise<void> {
    const result = await own.core.containers.exec(id, { args: ["sh", "-c", script] });
    expect(Buffer.from(result.stderr).toString()).toBe("");
    expect(result.exitCode).toBe(0);
  }

  async function list(source: FileSource, path: string): Promise<FileEntry[]> {
    const entries: FileEntry[] = [];
    for await (const page of own.core.files.list({ source, path }, { signal })) {
      entries.push(...page.put);
      if (page.complete) break;
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  const named = async (source: FileSource, path: string, name: string) =>
    (await list(source, path)).find((entry) => entry.name === name);

  const text = async (source: FileSource, path: string) =>
    (await own.core.files.readText({ source, path, limit: 1024 }, { signal })).text;

  async function download(source: FileSource, path: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of own.core.files.download({ source, path }, { signal }))
      chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async function upload(
    source: FileSource,
    directory: string,
    name: string,
    content: Uint8Array[],
    more: { overwrite?: boolean; size?: number } = {},
  ): Promise<FileEntry> {
    const size = more.size ?? content.reduce((sum, { length }) => sum + length, 0);
    const input = { source, directory, name, size, overwrite: more.overwrite ?? false };
    async function* up() {
      yield* content;
    }
    for await (const entry of own.core.files.upload(input, up(), { signal })) return entry;
    throw new Error("no entry came");
  }

  async function diff(source: FileSource): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    for await (const page of own.core.files.diff({ source }, { signal }))
      changes.push(...page.changes);
    return changes;
  }

  return { own, signal, container, exec, list, named, text, download, upload, diff };
}

/** Our children that touch files. */
async function agents(): Promise<string[]> {
  const found = await run("pgrep", ["-af", `files-agent.mjs`]).catch(() => ({ stdout: "" }));
  const own = [];
  for (const line of found.stdout.split("\n").filter(Boolean)) {
    const status = await readFile(`/proc/${line.split(" ")[0]}/status`, "utf8").catch(() => "");
    if (status.includes(`PPid:\t${process.pid}\n`)) own.push(line);
  }
  return own;
}
