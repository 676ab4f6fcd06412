import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type Socket, createServer } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { TtrpcClient } from "#core/ttrpc/client";
import { TtrpcServer } from "#core/ttrpc/server";
import { DeleteResponseSchema } from "../../shim/proto/shim_pb.ts";
import { shimOptions } from "../shim-command.ts";
import { logPipe, shimPipe } from "../transport.ts";
import { type StandInShim, taskHandlers } from "./service.stand-in.ts";
import { socketsIn } from "./sockets.stand-in.ts";

/**
 * A stand-in for containerd-shim-runhcs-v1.exe on Linux: the same command line, standard input, answers and service,
 * with unix sockets for named pipes and processes of this host for Windows containers. Its first argument is the
 * sockets' directory.
 */
const [sockets = "", ...argv] = process.argv.slice(2);
const transport = socketsIn(sockets);
const flag = (name: string): string => argv[argv.indexOf(`-${name}`) + 1] ?? "";
const ref = { namespace: flag("namespace"), id: flag("id") };
for (const name of ["namespace", "address", "publish-binary", "id"]) {
  if (!argv.includes(`-${name}`) || flag(name) === "") fail(`${name} is required`);
}
const command = argv.at(-1);
if (command === "start") start();
else if (command === "serve") await serve();
else if (command === "delete") await remove();
else fail(`No help topic for '${command}'`);

/** The server runs in a process of its own; this one ends when that listens. */
function start(): void {
  // Mounts of its own: nothing is left on the host when it ends.
  const own = ["--mount", "--propagation", "slave", process.execPath, process.argv[1] ?? ""];
  const child = spawn("unshare", [...own, sockets, ...argv.slice(0, -1), "serve"], {
    detached: true,
    stdio: ["inherit", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  child.stderr.on("close", () => {
    if (said !== "") fail(`failed to serve shim: ${said}`);
    const address = transport.address(shimPipe(ref));
    writeFileSync("shim.pid", String(child.pid));
    writeFileSync("address", address);
    process.stdout.write(address);
    child.unref();
    process.exit(0);
  });
}

/** Whatever it says on standard error before it closes that is why it does not serve. */
async function serve(): Promise<void> {
  const { typeUrl } = fromBinary(AnySchema, readFileSync(0));
  if (typeUrl !== shimOptions.typeUrl) fail(`options of type "${typeUrl}"`);
  let logs: Socket | undefined;
  const log = transport.address(logPipe(ref));
  // A pipe would have gone with who listened at it.
  rmSync(log, { force: true });
  createServer((socket) => {
    logs?.destroy();
    logs = socket.on("error", () => {});
  }).listen(log);
  const address = transport.address(shimPipe(ref));
  const shim: StandInShim = {
    ...ref,
    events: await TtrpcClient.connect(process.env.TTRPC_ADDRESS ?? ""),
    log: (line) => void logs?.write(line),
    end() {
      rmSync(address, { force: true });
      rmSync(log, { force: true });
      process.exit(0);
    },
  };
  await TtrpcServer.listen(address, taskHandlers(shim));
  closeSync(2);
  // So that no other file gets that number.
  openSync("/dev/null", "w");
}

/** Windows would find the container by its name: here it ends with its shim. */
async function remove(): Promise<void> {
  const bundle = flag("bundle");
  if (bundle === "") fail("bundle required");
  const address = transport.address(shimPipe(ref));
  const client = await TtrpcClient.connect(address).catch(() => undefined);
  if (client) {
    const pid = Number(readFileSync(`${bundle}/shim.pid`, "utf8"));
    const gone = new Promise((resolve) => client.onClose(resolve));
    process.kill(pid, "SIGKILL");
    await gone;
  }
  await rm(address, { force: true });
  await rm(transport.address(logPipe(ref)), { force: true });
  await rm(bundle, { recursive: true, force: true });
  const exitedAt = create(TimestampSchema, { seconds: BigInt(Math.floor(Date.now() / 1000)) });
  const answer = create(DeleteResponseSchema, { exitStatus: 255, exitedAt });
  process.stdout.write(toBinary(DeleteResponseSchema, answer));
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}
