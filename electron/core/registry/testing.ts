import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { ContentStore } from "../content/content-store.ts";
import { type Descriptor, type Manifest, mediaTypes } from "../content/oci.ts";
import { tarEntry } from "../images/testing.ts";

const run = promisify(execFile);

/** Whom registries that startRegistry has started with `htpasswd` let in. */
export const testUser = { username: "tester", password: "correct horse" };
/** bcrypt of that password, which the registry wants and Node can't make. */
const htpasswd = "tester:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n";

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  host: string;
  /** The registry's own files. */
  storage: string;
  close(): Promise<void>;
}

export interface TestRegistryOptions {
  htpasswd?: boolean;
  tls?: Certificate;
  token?: { realm: string; certificate: Certificate };
}

/** Starts a real registry under `dir` on a free loopback port. The caller closes it. */
export async function startRegistry(
  dir: string,
  options: TestRegistryOptions = {},
): Promise<TestRegistry> {
  await mkdir(dir, { recursive: true });
  const storage = join(dir, "storage");
  const { tls, token } = options;
  const config = {
    version: "0.1",
    log: { level: "info", formatter: "json" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: {
      addr: "127.0.0.1:0",
      ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }),
    },
    ...(options.htpasswd && {
      auth: { htpasswd: { realm: "test", path: join(dir, "htpasswd") } },
    }),
    ...(token && {
      auth: {
        token: {
          ...{ realm: token.realm, service: "test-registry", issuer: "test-issuer" },
          rootcertbundle: token.certificate.certificate,
        },
      },
    }),
  };
  await writeFile(join(dir, "htpasswd"), htpasswd);
  // JSON is YAML.
  await writeFile(join(dir, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(dir, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  const port = await new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`docker-registry ended:\n${said.join("\n")}`)));
    createInterface(child.stderr).on("line", (line) => {
      said.push(line);
      const found = /listening on 127\.0\.0\.1:(\d+)/.exec(line);
      if (found?.[1]) resolve(found[1]);
    });
  });
  return { host: `127.0.0.1:${port}`, storage, close: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

export interface Certificate {
  /** Paths of PEM files. */
  certificate: string;
  key: string;
}

/** A certificate for this machine, signed by itself: it is its own authority. */
export async function makeCertificate(dir: string): Promise<Certificate> {
  await mkdir(dir, { recursive: true });
  const files = { certificate: join(dir, "cert.pem"), key: join(dir, "key.pem") };
  await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", files.key, "-out", files.certificate],
  ]);
  return files;
}

export interface CuttingProxy {
  host: string;
  /** Connections that were cut. */
  cuts: number;
  close(): Promise<void>;
}

/** Passes on what comes, and cuts each of the first `times` connections after so many bytes to or from the server. */
export async function startCuttingProxy(
  target: string,
  { after, direction, times }: { after: number; direction: "up" | "down"; times: number },
): Promise<CuttingProxy> {
  const port = Number(target.split(":").at(-1));
  const sockets = new Set<Socket>();
  const proxy: CuttingProxy = { host: "", cuts: 0, close: async () => undefined };
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let passed = 0;
    for (const [from, to, way] of [
      [client, upstream, "up"],
      [upstream, client, "down"],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", (chunk) => {
        if (way === direction) passed += chunk.length;
        if (passed > after && proxy.cuts < times) {
          proxy.cuts += 1;
          // What came before goes through; then the line is dead.
          to.end();
          from.destroy();
          return;
        }
        if (!to.write(chunk)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
    }
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

/** Puts an image of one layer for each of `layers` (tars, already compressed or not) into the store; answers its manifest. */
export async function makeImage(
  store: ContentStore,
  layers: { mediaType: string; bytes: Buffer; diffId: string }[],
): Promise<{ descriptor: Descriptor; bytes: Buffer; manifest: Manifest }> {
  const described = await Promise.all(
    layers.map(async ({ mediaType, bytes }) => ({ mediaType, ...(await store.put(bytes)) })),
  );
  const config = Buffer.from(
    JSON.stringify({
      ...{ architecture: "amd64", os: "linux", config: { Cmd: ["/bin/true"] } },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const manifest = {
    schemaVersion: 2 as const,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...(await store.put(config)) },
    layers: described,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return {
    descriptor: { mediaType: mediaTypes.manifest, ...(await store.put(bytes)) },
    bytes,
    manifest,
  };
}

/** A tar with one file of so many random bytes. */
export function randomTar(size: number): Buffer {
  return Buffer.concat([
    tarEntry({ name: "random", content: randomBytes(size).toString("base64").slice(0, size) }),
    Buffer.alloc(1024),
  ]);
}
