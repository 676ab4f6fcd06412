import { createConnection, type Socket } from "node:net";
import { pipeChannel } from "#core/base/pipe-channel";
import { AppError } from "#shared/errors";
import type { Channel } from "#shared/rpc/define";
import { checkFrame } from "#shared/rpc/wire";
import { z } from "zod";
import { greetingId } from "./service-server.ts";
import { isInstalled, unitName } from "./set-up.ts";

const Greeting = z.object({ version: z.string() });

/** It looks up a user before it answers, which a directory server may have to say. Milliseconds. */
const patience = 10_000;

/**
 * A channel to the machine's manager, which has let us in. `version` is ours: two versions may not understand each
 * other. Rejects as the contract's `shell.reachService` says.
 */
export async function connectService(path: string, version: string): Promise<Channel> {
  const socket = await connect(path);
  const channel = pipeChannel(socket, socket);
  const theirs = await greeting(channel);
  if (theirs === version) return channel;
  channel.close();
  throw new AppError(
    "FAILED_PRECONDITION",
    `This machine's manager is Shimyard ${theirs}, and this window is ${version}`,
    { hint: `Have both updated, then: sudo systemctl restart ${unitName}` },
  );
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => void explain(error, path).then(reject));
  });
}

async function explain(error: NodeJS.ErrnoException, path: string): Promise<AppError> {
  const { code } = error;
  if (code !== "ENOENT" && code !== "ECONNREFUSED") {
    return AppError.wrap(error, `This machine's manager can't be reached at ${path}`);
  }
  const running = { hint: `Start it with: sudo systemctl start ${unitName}` };
  const installed = await isInstalled();
  return installed || code === "ECONNREFUSED"
    ? new AppError("UNAVAILABLE", "This machine's manager does not run", running, error)
    : new AppError("NOT_FOUND", "This machine's manager is not installed", {}, error);
}

/** The version of who let us in. */
function greeting(channel: Channel): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: AppError): void => {
      clearTimeout(timer);
      reject(error);
      channel.close();
    };
    const silent = (): AppError =>
      new AppError("UNAVAILABLE", "This machine's manager does not answer");
    const timer = setTimeout(() => fail(silent()), patience);
    channel.onClose((reason) => fail(reason ? AppError.from(reason) : silent()));
    let greeted = false;
    channel.onFrame((received) => {
      if (greeted) return;
      greeted = true;
      try {
        const frame = checkFrame(received);
        if (frame.id !== greetingId) throw silent();
        if (frame.t === "error") throw AppError.fromInfo(frame.error);
        const { version } = Greeting.parse(frame.t === "end" ? frame.value : undefined);
        clearTimeout(timer);
        resolve(version);
      } catch (error) {
        fail(AppError.from(error));
      }
    });
  });
}
