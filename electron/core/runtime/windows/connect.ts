import { appendFile } from "node:fs/promises";
import { type Socket, createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Disposable } from "#shared/base/disposable";
import { isCode } from "#shared/errors";
import type { StartAnswer } from "../shim/start-answer.ts";
import { TtrpcTaskService } from "../shim/ttrpc-task-service.ts";

/**
 * A pipe may come a little after its name was told: milliseconds between tries, and in all. As containerd's
 * AnonReconnectDialer (runtime/v2/shim/util_windows.go).
 */
const retryInterval = 10;
const retryTimeout = 5000;

/** To a shim that has just been started. Rejects UNAVAILABLE after five seconds. */
export function connectNew(id: string, answer: StartAnswer): Promise<TtrpcTaskService> {
  return retried(() => TtrpcTaskService.connect(id, answer));
}

/** Appends what a shim logs to a file, until it ends or is let go of. A log that never comes is none. */
export function followLog(address: string, path: string): Disposable {
  let socket: Socket | undefined;
  let disposed = false;
  const follow = async (): Promise<void> => {
    const connected = await retried(() =>
      disposed ? Promise.reject(new Error()) : connect(address),
    );
    socket = connected;
    if (disposed) connected.destroy();
    for await (const chunk of connected) await appendFile(path, chunk as Buffer);
  };
  void follow().catch(() => {});
  return {
    dispose() {
      disposed = true;
      socket?.destroy();
    },
  };
}

async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  const end = Date.now() + retryTimeout;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const early = (error as NodeJS.ErrnoException).code === "ENOENT";
      if ((!early && !isCode(error, "UNAVAILABLE")) || Date.now() > end) throw error;
      await delay(retryInterval);
    }
  }
}

function connect(address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(address);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      socket.unref();
      resolve(socket);
    });
  });
}
