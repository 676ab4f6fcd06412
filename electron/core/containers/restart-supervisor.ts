import type { RestartPolicy } from "#shared/contract/containers";
import { BackOff } from "../base/back-off.ts";
import type { ContainerRecord } from "./container-store.ts";

/** Whether its policy wants a container that has ended to be started again. */
export function wantsRestart(record: ContainerRecord): boolean {
  const { restart } = record.config;
  if (record.stoppedByUser || record.startError) return false;
  if (restart.name === "no") return false;
  return (
    restart.name !== "on-failure" || (failed(record) && triesLeft(restart, record.restartCount))
  );
}

/**
 * The same when the manager has just started: `always` also brings back what the user had stopped, as
 * docker does when its daemon starts.
 */
export function wantsRestartAtLoad(record: ContainerRecord): boolean {
  if (record.startedAt === undefined) return false;
  return record.config.restart.name === "always" || wantsRestart(record);
}

/** An end whose status nobody recorded is taken for a failure. */
const failed = (record: ContainerRecord): boolean => record.exit?.code !== 0;
const triesLeft = (policy: RestartPolicy, count: number): boolean =>
  policy.maximumRetries === undefined || count < policy.maximumRetries;

/**
 * Starts containers again as their policy says, waiting longer each time. It lives in the manager:
 * **while the app is closed nothing is restarted**; what ended meanwhile is looked at when it starts.
 */
export class RestartSupervisor {
  readonly #backOff: BackOff;

  /** `restart` looks again whether the container is still to be started. */
  constructor(restart: (id: string) => void) {
    this.#backOff = new BackOff(restart);
  }

  /** A container's init has exited. */
  exited(record: ContainerRecord): void {
    if (!wantsRestart(record)) return;
    const ran = (record.exit?.exitedAt ?? Date.now()) - (record.startedAt ?? 0);
    this.#backOff.ended(record.id, ran);
  }

  /** The manager has started, and finds one that is to be started: one that ends again and again, as late as before. */
  resumed({ id, exit, startedAt, stoppedByUser, restartCount }: ContainerRecord): void {
    const ran = exit && startedAt !== undefined ? exit.exitedAt - startedAt : undefined;
    this.#backOff.resume(id, stoppedByUser ? 0 : restartCount, ran);
  }

  /** The user has taken over: no restart is due, and the next delay is the first again. */
  forget(id: string): void {
    this.#backOff.forget(id);
  }

  dispose(): void {
    this.#backOff.dispose();
  }
}
