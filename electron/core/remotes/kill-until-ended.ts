import { isCode } from "#shared/errors";
import type { ContainerdClient, RemoteState } from "../runtime/containerd/client.ts";

/** Milliseconds for one that was killed to end. */
const endTimeout = 10_000;
const [sigterm, sigkill] = [15, 9];

/** SIGTERM (unless `patience` is 0), then SIGKILL. Resolves when its task has ended; at once for one that has none. */
export async function killUntilEnded(
  client: ContainerdClient,
  { namespace, id, task }: RemoteState,
  patience: number,
): Promise<void> {
  if (!task || task.status === "exited") return;
  const service = client.task(namespace, id);
  const context = `"${id}" could not be stopped`;
  try {
    if (patience > 0) {
      await service.kill("", sigterm, false, context);
      // A frozen process hears it when it is thawed.
      if (task.status === "paused") await service.resume(context);
      const ended = await service.wait("", patience).then(
        () => true,
        (error: unknown) => {
          if (isCode(error, "DEADLINE_EXCEEDED")) return false;
          throw error;
        },
      );
      if (ended) return;
    }
    await service.kill("", sigkill, false, context);
    if (task.status === "paused") await service.resume(context).catch(() => undefined);
    await service.wait("", endTimeout);
  } catch (error) {
    if (!isCode(error, "NOT_FOUND")) throw error;
  }
}
