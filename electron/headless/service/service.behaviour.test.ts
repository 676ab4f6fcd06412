import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun, runCommand } from "#core/host/command";
import { makeTestUser, type TestUser } from "#core/host/testing";
import { serveAll } from "#shared/rpc/acceptor";
import { createClient } from "#shared/rpc/client";
import type { Channel } from "#shared/rpc/define";
import { type Handlers, query, stream } from "#shared/rpc/define";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { Admission } from "./admission.ts";
import { connectService } from "./service-client.ts";
import { type Service, startService } from "./service-server.ts";

const contract = {
  test: {
    bytes: query(z.object({ size: z.number() }), z.instanceof(Uint8Array)),
    idle: stream(z.object({}), z.number()),
  },
};
const ended: string[] = [];
const handlers: Handlers<typeof contract> = {
  test: {
    bytes: ({ size }) => new Uint8Array(size).fill(7),
    async *idle(_, { signal }) {
      yield 1;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      ended.push("idle");
    },
  },
};
const version = "1.2.3";
const group = "shimyard-doors";

let dir: string;
let path: string;
let said: string[];
const services: Service[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-service-"));
  await chmod(dir, 0o755);
  path = join(dir, "socket");
  said = [];
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  await rm(dir, { recursive: true });
});

async function start(): Promise<Service> {
  const service = await startService({
    ...{ path, version, admission: new Admission(group), acceptor: serveAll(contract, handlers) },
    log: (line) => said.push(line),
  });
  services.push(service);
  return service;
}

const clientOf = (channel: Channel) => createClient<typeof contract>(channel);

test.skipIf(process.getuid?.() !== 0)("root is let in, and what it calls is answered", async () => {
  const service = await start();
  const client = clientOf(await connectService(path, version));
  const bytes = await client.call("test.bytes", { size: 3_000_000 });
  expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([3_000_000, 7, 7]);
  const idle = client.stream("test.idle", {});
  await idle.next();
  await service.close();
  services.length = 0;
  await expect(idle.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(ended).toEqual(["idle"]);
  expect(said).toEqual([`Let in user 0 (process ${process.pid})`]);
});

test("who is not there is told from what does not run, and another version from both", async () => {
  await expect(connectService(path, version)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await start();
  const { details } = await connectService(path, "1.2.4").catch((error) => error);
  expect(details.hint).toContain("systemctl restart");
  await expect(connectService(path, "1.2.4")).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringMatching(/1\.2\.3.*1\.2\.4/),
  });
});

test("a socket that a killed service left is no service, and is replaced; what somebody has is not", async () => {
  const program = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  await runCommand([process.execPath, "-e", program, path]);
  await expect(connectService(path, version)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await start();
  (await connectService(path, version)).close();
  await expect(start()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  path = join(dir, "file");
  await writeFile(path, "mine");
  await expect(start()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
});

test("what is no service of ours is told from one", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  server.listen(path);
  await once(server, "listening");
  await expect(connectService(path, version)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  server.close();
});

describe.skipIf(process.getuid?.() !== 0)("other users", () => {
  let user: TestUser;
  let uid: number;
  beforeAll(async () => {
    await runCommand(["groupdel", group]);
    user = await makeTestUser("shimyard-knocker", 1_300_000_000);
    uid = Number(await mustRun(["id", "-u", "shimyard-knocker"]));
  });
  afterAll(async () => {
    await user.remove();
    await runCommand(["groupdel", group]);
  });

  /** The kernel notes who one is at the moment of connecting. */
  function connectAsUser(): Promise<Channel> {
    process.seteuid?.(uid);
    try {
      return connectService(path, version);
    } finally {
      process.seteuid?.(0);
    }
  }

  test("a member of the group is let in from the moment of becoming one, and out again", async () => {
    await start();
    const command = `sudo groupadd --system --force ${group} && sudo usermod --append --groups ${group} shimyard-knocker`;
    const refusal = { code: "PERMISSION_DENIED", details: { subject: "shimyard-knocker" } };
    const noGroup = await connectAsUser().catch((error: unknown) => error);
    expect(noGroup).toMatchObject({ ...refusal, message: expect.stringContaining("no group") });
    expect(noGroup).toMatchObject({ details: { hint: expect.stringContaining(command) } });

    await mustRun(["groupadd", "--system", "--force", group]);
    await expect(connectAsUser()).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining("is not in the group"),
    });
    await mustRun(["usermod", "--append", "--groups", group, "shimyard-knocker"]);
    const client = clientOf(await connectAsUser());
    expect(await client.call("test.bytes", { size: 1 })).toEqual(Uint8Array.of(7));
    await mustRun(["gpasswd", "--delete", "shimyard-knocker", group]);
    await expect(connectAsUser()).rejects.toMatchObject(refusal);
    // A line for each change, not for each try.
    const refused = expect.stringMatching(`^Refused user ${uid}: `);
    expect(said).toEqual([refused, `Let in user ${uid} (process ${process.pid})`, refused]);
  });

  test("whose primary group it is, is a member", async () => {
    await mustRun(["groupadd", "--system", "--force", group]);
    await mustRun(["usermod", "--gid", group, "shimyard-knocker"]);
    await start();
    const channel = await connectAsUser();
    channel.close();
    await mustRun(["usermod", "--gid", "shimyard-knocker", "shimyard-knocker"]);
    await expect(connectAsUser()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  });

  test("who may not come in is not read, and does not stay", async () => {
    await start();
    process.seteuid?.(uid);
    let socket: Socket;
    try {
      socket = connect(path);
    } finally {
      process.seteuid?.(0);
    }
    socket.on("error", () => undefined);
    socket.write(Buffer.alloc(100, 255));
    let answer = "";
    socket.on("data", (data) => (answer += data.toString()));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(answer).toContain("PERMISSION_DENIED");
    expect(said).toHaveLength(1);
  });
});
