import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { ContentStore } from "../content/content-store.ts";
import { digestOf } from "../content/digest.ts";
import { mediaTypes } from "../content/oci.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { makeImage, randomTar } from "../registry/testing.ts";
import { tarEntry } from "./testing.ts";

const run = promisify(execFile);
const end = Buffer.alloc(1024);

/** An image in an OCI layout that tools can read. */
export interface TestImage {
  /** `oci:DIR` for skopeo. */
  layout: string;
  digest: string;
  /** Of the config, as images' ids are. */
  id: string;
}

/** Makes images for tests under `dir`. */
export class TestImages {
  readonly #dir: string;
  #count = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** A gzipped busybox, a plain layer that changes it, and one of so many random bytes, compressed by zstd unless gzip is wanted. */
  async make(options: { random: number; marker?: string; gzip?: boolean }): Promise<TestImage> {
    const dir = join(this.#dir, `layout-${(this.#count += 1)}`);
    const store = await ContentStore.open(dir);
    const base = await this.#busybox();
    const change = Buffer.concat([
      tarEntry({ name: "etc/marker", content: options.marker ?? "marked" }),
      tarEntry({ name: "etc/.wh.removed" }),
      end,
    ]);
    const random = randomTar(options.random);
    const file = join(dir, "random");
    await writeFile(file, random);
    if (!options.gzip) await run("zstd", ["-q", file]);
    const compressed = options.gzip ? gzipSync(random) : await readFile(`${file}.zst`);
    const image = await makeImage(store, [
      { mediaType: mediaTypes.layerGzip, bytes: gzipSync(base), diffId: digestOf(base) },
      { mediaType: mediaTypes.layer, bytes: change, diffId: digestOf(change) },
      {
        mediaType: options.gzip ? mediaTypes.layerGzip : mediaTypes.layerZstd,
        bytes: compressed,
        diffId: digestOf(random),
      },
    ]);
    const index = { schemaVersion: 2, manifests: [image.descriptor] };
    await writeFile(join(dir, "index.json"), JSON.stringify(index));
    const id = image.manifest.config.digest.replace("sha256:", "");
    return { layout: `oci:${dir}`, digest: image.descriptor.digest, id };
  }

  async #busybox(): Promise<Buffer> {
    const tree = join(this.#dir, "busybox");
    await mkdir(join(tree, "bin"), { recursive: true });
    await mkdir(join(tree, "etc"), { recursive: true });
    await copyFile("/bin/busybox", join(tree, "bin/busybox"));
    for (const name of ["sh", "cat", "ls", "true", "sleep", "echo", "rm", "id"]) {
      await symlink("busybox", join(tree, "bin", name)).catch(() => undefined);
    }
    await writeFile(join(tree, "etc/removed"), "by the next layer");
    const argv = ["-C", tree, "--sort=name", "--mtime=@0", "-c", "."];
    const { stdout } = await run("tar", argv, { encoding: "buffer", maxBuffer: 64 << 20 });
    return stdout;
  }
}

/** skopeo, to and from registries on loopback. */
export async function skopeo(...args: string[]): Promise<string> {
  // It unpacks archives, whose files are root's.
  const argv = choosePrivileges().asRoot(["skopeo", "--insecure-policy", ...args]);
  const { stdout } = await run(argv[0] as string, argv.slice(1));
  return stdout;
}

export const pushed = (image: TestImage, host: string, name: string): Promise<string> =>
  skopeo(
    "copy",
    "--preserve-digests",
    "--dest-tls-verify=false",
    image.layout,
    `docker://${host}/${name}`,
  );

export interface SlowProxy {
  host: string;
  /** Bytes that came from the server. */
  passed: number;
  /** Milliseconds between two pieces of at most 64 KiB; may be changed. */
  pause: number;
  close(): Promise<void>;
}

/** Passes on what comes, and what the server sends no faster than it is told to. */
export async function startSlowProxy(target: string, pause: number): Promise<SlowProxy> {
  const port = Number(target.split(":").at(-1));
  const sockets = new Set<Socket>();
  const proxy: SlowProxy = { host: "", passed: 0, pause, close: async () => undefined };
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (chunk) => {
      proxy.passed += chunk.length;
      client.write(chunk);
      upstream.pause();
      setTimeout(() => upstream.resume(), proxy.pause);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy.close = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  };
  return proxy;
}
