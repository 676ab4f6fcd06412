import { readdir, readFile } from "node:fs/promises";
import type { Locator } from "@playwright/test";
import type { AppContract } from "#shared/contract/index";
import type { FileEntry, FileSource } from "#shared/contract/files";
import type { Client } from "#shared/rpc/define";
import { makeContainer, starterImage, waitForState } from "../harness/containers.ts";
import { Home } from "../harness/home.ts";
import { OrdinaryUser } from "../../scripts/lib/ordinary-user.mjs";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test } from "../harness/test.ts";

const bytes = Buffer.alloc(2_000_003, "Shimyard\0\xff", "latin1");

/** Makes a container, reads a text in it and uploads `bytes`; answers the uploaded file's row. */
async function lookAndUpload(window: ShimyardWindow): Promise<Locator> {
  const { page } = window;
  await window.create("web", "sh -c 'mkdir /srv; echo first line >/srv/text; sleep 1000'");
  await window.row("web").click();
  await window.inspector.getByRole("button", { name: "Widen to the whole page" }).click();
  await page.getByRole("tab", { name: "Files" }).click();
  const files = page.getByRole("region", { name: "Files" });
  await files
    .getByRole("grid", { name: "Files in /" })
    .getByText("srv", { exact: true })
    .dblclick();
  const grid = files.getByRole("grid", { name: "Files in /srv" });
  await grid.getByText("text").dblclick();
  const text = page.getByRole("region", { name: "Text of text" });
  await expect(text).toContainText("first line");
  await page.keyboard.press("Escape");

  await files
    .getByLabel("Files to upload")
    .setInputFiles({ name: "blob.bin", mimeType: "application/octet-stream", buffer: bytes });
  const row = grid.getByRole("row").filter({ hasText: "blob.bin" });
  await expect(row).toContainText("1.9 MiB");
  return row;
}

/** The processes that touch files for the app of this root. */
async function agents(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const [command, environment] = await Promise.all(
      ["cmdline", "environ"].map((name) =>
        readFile(`/proc/${pid}/${name}`, "utf8").catch(() => ""),
      ),
    );
    const own = environment?.includes(`SHIMYARD_ROOT=${root}\0`);
    if (own && command?.includes("files-agent")) found.push(pid);
  }
  return found;
}

test("files in the window: go to them, read a text, upload, download, find the change", async ({
  page,
  window,
}) => {
  const row = await lookAndUpload(window);
  const files = page.getByRole("region", { name: "Files" });
  await row.click();
  // A browser that lets pages write files asks where; this one is to make a download of it.
  await page.evaluate(() => Reflect.deleteProperty(globalThis, "showSaveFilePicker"));
  await row.getByRole("button", { name: "More for blob.bin" }).click();
  const downloading = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "Download" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("blob.bin");
  expect((await readFile(await download.path())).equals(bytes)).toBe(true);

  await files.getByRole("button", { name: "Changed files" }).click();
  await expect(files.getByRole("listbox", { name: "Changed files" })).toContainText(
    "/srv/blob.bin",
  );
  await files.getByRole("button", { name: "Changed files" }).click();
  await row.click();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(row).toHaveCount(0);
});

test("in Electron: files are looked at and uploaded, and the agent ends with a killed app", async ({
  home,
}) => {
  const app = await home.startElectron();
  await lookAndUpload(new ShimyardWindow(app.page));
  expect((await agents(home.root)).length).toBe(1);
  await app.kill9();
  await expect.poll(() => agents(home.root)).toEqual([]);
});

async function list(
  client: Client<AppContract>,
  source: FileSource,
  path: string,
): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  for await (const { put, complete } of client.stream("files.list", { source, path })) {
    entries.push(...put);
    if (complete) break;
  }
  return entries;
}

async function upload(
  client: Client<AppContract>,
  source: FileSource,
  directory: string,
  name: string,
  text: string,
): Promise<FileEntry> {
  const bytes = new TextEncoder().encode(text);
  const input = { source, directory, name, size: bytes.length, overwrite: true };
  const call = client.duplex("files.upload", input);
  const answer = call.next();
  await call.send(bytes);
  call.end();
  return (await answer).value as FileEntry;
}

test("an ordinary user's files: of every owner in the container, running and stopped", async () => {
  test.skip(process.getuid?.() !== 0, "only root can make the user that this needs");
  const user = await OrdinaryUser.make();
  try {
    const home = await Home.of(user);
    const app = await home.startHeadless();
    const client = await app.connect();
    const imageId = await starterImage(client);
    const { id } = await makeContainer(client, {
      name: "mine",
      imageId,
      args: [
        "sh",
        "-c",
        "mkdir -p /data/theirs; echo secret >/data/theirs/file; chown -R 1000:1000 /data/theirs; " +
          `chmod 700 /data/theirs; chmod 600 /data/theirs/file; ln -s ${user.home} /data/out; ` +
          "ln -s /proc/1/root /data/magic; rm /etc/group; echo ready; sleep 1000",
      ],
    });
    const source: FileSource = { kind: "container", id };
    await expect
      .poll(async () => (await client.call("logs.read", { id, from: 0, count: 1 })).lines.length)
      .toBe(1);
    const look = async (): Promise<void> => {
      expect(await list(client, source, "/data/theirs")).toMatchObject([
        { name: "file", uid: 1000, gid: 1000, mode: 0o600, change: "added" },
      ]);
      const read = { source, path: "/data/theirs/file", limit: 100 };
      expect(await client.call("files.readText", read)).toMatchObject({ text: "secret\n" });
      expect(await upload(client, source, "/data/theirs", "file", "secret\n")).toMatchObject({
        ...{ uid: 1000, gid: 1000, mode: 0o600 },
      });
      const made = await upload(client, source, "/data/theirs", "new", "1");
      expect(made).toMatchObject({ uid: 1000, gid: 1000 });
      await client.call("files.delete", { source, path: "/data/theirs/new" });
      for (const path of ["/data/out", "/data/magic"]) {
        await expect(list(client, source, path)).rejects.toThrow("could not be listed");
      }
      const changes = [];
      for await (const page of client.stream("files.diff", { source }))
        changes.push(...page.changes.map(({ change, path }) => `${change} ${path}`));
      expect(changes).toEqual([
        "added /data",
        "added /data/magic",
        "added /data/out",
        "added /data/theirs",
        "added /data/theirs/file",
        "deleted /etc/group",
      ]);
    };
    await look();
    await client.call("containers.stop", { id, graceSeconds: 0 });
    await waitForState(client, id, "exited");
    await look();
    const image: FileSource = { kind: "image", id: imageId };
    expect((await list(client, image, "/etc")).map(({ name }) => name)).toContain("group");
    await home.remove();
  } finally {
    await user.remove();
  }
});
