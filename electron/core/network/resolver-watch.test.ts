import { mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { watchResolver } from "./resolver-watch.ts";

test("a resolv.conf that is written anew, replaced, or led elsewhere by a link is noticed", async () => {
  const directory = await mkdtemp(join(tmpdir(), "shimyard-resolver-"));
  const at = (name: string): string => join(directory, name);
  await writeFile(at("first"), "nameserver 10.0.0.1\n");
  await writeFile(at("second"), "nameserver 10.0.0.2\n");
  await symlink("first", at("resolv.conf"));
  const onChange = vi.fn();
  const watch = watchResolver(at("resolv.conf"), onChange);
  onTestFinished(async () => {
    watch.dispose();
    await rm(directory, { recursive: true });
  });
  const noticed = async (change: () => Promise<void>): Promise<void> => {
    onChange.mockClear();
    await change();
    await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), { timeout: 20_000, interval: 50 });
  };
  // It says once what is there.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await noticed(() => writeFile(at("first"), "nameserver 10.0.0.3\n"));
  await noticed(async () => {
    await symlink("second", at("new"));
    await rename(at("new"), at("resolv.conf"));
  });
  await noticed(() => rm(at("second")));
  await noticed(() => writeFile(at("second"), "nameserver 10.0.0.4\n"));
}, 60_000);
