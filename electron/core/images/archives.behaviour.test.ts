import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openTestCore, type TestCore } from "./test-core.ts";
import { skopeo, type TestImage, TestImages } from "./test-images.ts";
import { tarEntry } from "./testing.ts";

const run = promisify(execFile);
let t: TestCore;
let image: TestImage;
let other: TestImage;

beforeAll(async () => {
  t = await openTestCore();
  const images = new TestImages(join(t.dir, "images"));
  image = await images.make({ random: 200_000, gzip: true });
  other = await images.make({ random: 1000, marker: "other", gzip: true });
});
afterEach(async () => {
  for (const { id } of await t.core.containers.list()) await t.core.containers.delete(id, true);
  await t.core.images.prune("unused");
  expect(t.core.images.list()).toEqual([]);
  await t.requireTidy();
});
afterAll(() => t.close());

const path = (name: string): string => join(t.dir, name);

describe("an archive", () => {
  test.each([
    ["oci-archive", ""],
    ["docker-archive", ""],
    ["oci-archive", "gzip"],
    ["docker-archive", "zstd"],
  ])("of skopeo as %s %s is loaded, and runs", async (format, compress) => {
    const file = path(`from-skopeo-${format}.tar`);
    const preserve = format === "oci-archive" ? ["--preserve-digests"] : [];
    await skopeo("copy", ...preserve, image.layout, `${format}:${file}:docker.io/library/app:1`);
    if (compress !== "") await run(compress, ["-f", file]);
    const suffix = { "": "", gzip: ".gz", zstd: ".zst" }[compress] ?? "";
    const [loaded] = await t.core.images.loadArchive(`${file}${suffix}`);
    expect(loaded).toMatchObject({ names: ["app:1"], source: "archive", layers: 3 });
    if (format === "oci-archive") expect(loaded).toMatchObject({ digest: image.digest });
    const ran = await t.run(loaded?.id as string, [
      "sh",
      "-c",
      "cat /etc/marker; cd /etc; echo [!hr]*",
    ]);
    expect(ran).toMatchObject({ code: 0, output: "markedmarker" });
    await rm(`${file}${suffix}`);
  });

  test("that is a directory is loaded too", async () => {
    const [loaded] = await t.core.images.loadArchive(image.layout.slice("oci:".length));
    expect(loaded).toMatchObject({ id: image.id, digest: image.digest, names: [] });
  });

  test.each(["oci-archive", "docker-archive"] as const)(
    "of several images is saved as %s for others, and loaded again as it was",
    async (format) => {
      const { images } = t.core;
      const [a] = await images.loadArchive(image.layout.slice("oci:".length));
      const [b] = await images.loadArchive(other.layout.slice("oci:".length));
      await images.tag(a?.id as string, "app:1");
      await images.tag(b?.id as string, "example.org/team/other:2");
      const file = path(`${format}.tar`);
      await images.save({ images: ["app:1", b?.id as string], path: file, format });
      await expect(images.save({ images: ["app:1"], path: file, format })).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
      });
      const seen = await skopeo("inspect", "--config", `${format}:${file}:docker.io/library/app:1`);
      expect(JSON.parse(seen)).toMatchObject({ rootfs: { type: "layers" } });
      await skopeo("copy", `${format}:${file}:example.org/team/other:2`, `dir:${path(format)}`);
      await images.prune("unused");
      const loaded = await images.loadArchive(file);
      expect(loaded.map(({ id, names }) => ({ id, names }))).toEqual([
        { id: image.id, names: ["app:1"] },
        { id: other.id, names: ["example.org/team/other:2"] },
      ]);
      expect((await t.run(other.id, ["cat", "/etc/marker"])).output).toBe("other");
    },
  );

  test("that is a directory is refused when a name or a link in it leads out", async () => {
    const tar = Buffer.concat([tarEntry({ name: "file", content: "x" }), Buffer.alloc(1024)]);
    const sha = (bytes: Buffer | string): string =>
      createHash("sha256").update(bytes).digest("hex");
    const config = JSON.stringify({
      ...{ architecture: "amd64", os: "linux" },
      rootfs: { type: "layers", diff_ids: [`sha256:${sha(tar)}`] },
    });
    const layout = path("leads-out");
    await mkdir(join(layout, "inner"), { recursive: true });
    await writeFile(path("outside.tar"), tar);
    await writeFile(join(layout, "inside.tar"), tar);
    await writeFile(join(layout, "config"), config);
    await symlink("../inside.tar", join(layout, "inner/layer.tar"));
    await symlink("../../outside.tar", join(layout, "inner/out.tar"));
    const load = async (layer: string): Promise<unknown> => {
      const manifest = [{ Config: "config", RepoTags: ["out:1"], Layers: [layer] }];
      await writeFile(join(layout, "manifest.json"), JSON.stringify(manifest));
      return t.core.images.loadArchive(layout);
    };
    for (const name of ["../outside.tar", "inner/../../outside.tar", "inner/out.tar"]) {
      await expect(load(name)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(await load("inner/layer.tar")).toMatchObject([{ names: ["out:1"] }]);
    await rm(layout, { recursive: true });
  });

  test("that lies is refused", async () => {
    const file = path("lying.tar");
    const sha = (bytes: Buffer | string): string =>
      createHash("sha256").update(bytes).digest("hex");
    const refused = async (code: string, ...entries: Parameters<typeof tarEntry>[0][]) => {
      await writeFile(file, Buffer.concat([...entries.map(tarEntry), Buffer.alloc(1024)]));
      await expect(t.core.images.loadArchive(file)).rejects.toMatchObject({ code });
      await t.requireTidy();
    };
    const layout = { name: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' };
    const index = (digest: string, size = 10): { name: string; content: string } => ({
      name: "index.json",
      content: JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size }],
      }),
    });
    await refused("NOT_FOUND", layout, index(`sha256:${"0".repeat(64)}`));
    await refused("DATA_LOSS", layout, index("sha256:../../../../etc/passwd"));
    const blob = { name: `blobs/sha256/${"1".repeat(64)}`, content: "0123456789" };
    await refused("DATA_LOSS", layout, index(`sha256:${"1".repeat(64)}`), blob);
    await refused("DATA_LOSS", layout, index(`sha256:${"1".repeat(64)}`, 5), blob);
    await refused("DATA_LOSS", layout, { name: "index.json", content: "{" });
    await refused("INVALID_ARGUMENT", { name: "etc/passwd", content: "x" });
    // The layer's digest is right, what it unpacks to is not what the config says.
    const tar = Buffer.concat([tarEntry({ name: "file", content: "x" }), Buffer.alloc(1024)]);
    const config = JSON.stringify({
      ...{ architecture: "amd64", os: "linux" },
      rootfs: { type: "layers", diff_ids: [`sha256:${"2".repeat(64)}`] },
    });
    const docker = (layer: string): { name: string; content: string } => ({
      name: "manifest.json",
      content: JSON.stringify([
        { Config: `${sha(config)}.json`, RepoTags: ["x:1"], Layers: [layer] },
      ]),
    });
    const configFile = { name: `${sha(config)}.json`, content: config };
    const layerFile = { name: "layer.tar", content: tar.toString("latin1") };
    await refused("DATA_LOSS", docker("layer.tar"), configFile, layerFile);
    await refused("NOT_FOUND", docker("../../../../../../etc/passwd"), configFile);
    await refused("NOT_FOUND", ...[docker("link"), configFile], {
      name: "link",
      type: "2",
      link: "/etc/passwd",
    });
    await refused("DATA_LOSS", docker("layer.tar"), { ...configFile, content: "{}" });
    await writeFile(file, gzipSync(Buffer.from("no tar")));
    await expect(t.core.images.loadArchive(file)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  test("with a hostile layer leaves nothing, also of the others", async () => {
    const dir = path("hostile");
    await run("cp", ["-a", image.layout.slice("oci:".length), dir]);
    const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8"));
    const [descriptor] = index.manifests;
    const blob = (digest: string): string =>
      join(dir, "blobs/sha256", digest.replace("sha256:", ""));
    const put = async (bytes: Buffer): Promise<{ digest: string; size: number }> => {
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      await writeFile(blob(digest), bytes);
      return { digest, size: bytes.length };
    };
    const manifest = JSON.parse(await readFile(blob(descriptor.digest), "utf8"));
    const config = JSON.parse(await readFile(blob(manifest.config.digest), "utf8"));
    const hostile = Buffer.concat([
      tarEntry({ name: "up", type: "2", link: "../../../.." }),
      tarEntry({ name: "up/escaped", content: "x" }),
      Buffer.alloc(1024),
    ]);
    const layer = await put(hostile);
    manifest.layers[1] = { mediaType: "application/vnd.oci.image.layer.v1.tar", ...layer };
    config.rootfs.diff_ids[1] = layer.digest;
    manifest.config = { ...manifest.config, ...(await put(Buffer.from(JSON.stringify(config)))) };
    index.manifests = [{ ...descriptor, ...(await put(Buffer.from(JSON.stringify(manifest)))) }];
    await writeFile(join(dir, "index.json"), JSON.stringify(index));
    await expect(t.core.images.loadArchive(dir)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(access("/escaped")).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a container", () => {
  test("is committed with what it changed, pausing meanwhile, and the image runs", async (context) => {
    const { images, containers, containerImages, system } = t.core;
    const { pause } = system.info.value.abilities;
    if (!pause.ok) context.skip(`no container can be paused: ${pause.reason}`);
    const [base] = await images.loadArchive(image.layout.slice("oci:".length));
    const { id } = await containers.create(
      {
        ...{ name: "changing", imageId: base?.id as string, env: [], terminal: false },
        args: ["sh", "-c", "echo new > /new; rm /etc/marker; while :; do sleep 0.1; done"],
        ...{ limits: {}, restart: { name: "no" as const }, labels: {} },
      },
      true,
    );
    await expect
      .poll(() =>
        access(join(t.paths.data, `containers/default/${id}/upper/new`)).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const committed = await containerImages.commit({
      ...{ containerId: id, name: "committed:1", pause: true, author: "me", comment: "a change" },
      config: { cmd: ["cat", "/new"], env: ["A=b"], labels: { "a.b": "c" } },
    });
    expect((await containers.get(id)).container.state.status).toBe("running");
    expect(committed).toMatchObject({
      ...{ names: ["committed:1"], source: "commit", layers: 4 },
      config: { cmd: ["cat", "/new"], env: ["A=b"], labels: { "a.b": "c" } },
    });
    const { history } = await images.detail(committed.id);
    expect(history.at(-1)).toMatchObject({ comment: "a change", layer: { sharedWith: [] } });
    expect(await t.run(committed.id, [])).toMatchObject({ code: 0, output: "new" });
    // What every container gets there, and nothing of the image's.
    expect((await t.run(committed.id, ["ls", "/etc"])).output.split("\n").sort()).toEqual([
      ...["hostname", "hosts", "resolv.conf"],
    ]);
    const file = path("exported.tar");
    await containerImages.export(id, file);
    const { stdout } = await run("tar", ["-tf", file]);
    const names = stdout.split("\n").map((name) => name.replace(/^\.\//, ""));
    expect(names).toContain("new");
    expect(names).toContain("bin/busybox");
    expect(names).not.toContain("etc/marker");
    expect(names).not.toContain("etc/removed");
    await expect(containerImages.export(id, file)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    await rm(file);
  });

  test("is exported and imported as an image of one layer", async () => {
    const { images, containers, containerImages } = t.core;
    const [base] = await images.loadArchive(image.layout.slice("oci:".length));
    const { id } = await t.run(base?.id as string, ["true"]);
    const file = path("whole.tar");
    await containerImages.export(id, file);
    const imported = await images.importTar({ path: file, name: "flat:1" });
    expect((await t.run(imported.id, ["cat", "/etc/marker"])).output).toBe("marked");
    await containers.delete(id, true);
    await rm(file);
  });
});
