import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#shared/errors";
import { ContainerdClient } from "./client.ts";

/** Milliseconds between tries while nobody answers. */
const retryDelay = 2000;

/**
 * Keeps a connection to a containerd until `signal` aborts: `serve` has it until it resolves or rejects, which say that
 * it broke; then `away` is told why, and it is tried again. Never rejects.
 */
export async function followContainerd(
  address: string,
  signal: AbortSignal,
  serve: (client: ContainerdClient) => Promise<void>,
  away: (error: AppError) => void,
): Promise<void> {
  while (!signal.aborted) {
    let client: ContainerdClient | undefined;
    try {
      client = await ContainerdClient.open(address);
      await serve(client);
      throw new AppError("UNAVAILABLE", `containerd at ${address} has ended`);
    } catch (error) {
      client?.close();
      if (signal.aborted) return;
      away(AppError.from(error));
    }
    await delay(retryDelay, undefined, { signal }).catch(() => undefined);
  }
}
