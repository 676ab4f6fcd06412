/**
 * Whoever takes part in a measurement. A manager is one running daemon (or none, for bare runc) with
 * a directory of its own; a contender is one way to have containers from it. Everything a contender
 * does goes through its API, kept warm, and answers only when it is done.
 */
export interface Contender {
  /** `docker`; for Shimyard with the runtime: `shimyard runc`. */
  readonly name: string;
  readonly manager: Manager;
  /** Creates and starts one that sleeps, of the bench's own image or of one that was pulled; answers its handle when it runs. */
  start(name: string, image?: string): Promise<string>;
  /** Runs `true` in it; rejects unless its exit status comes back as 0. */
  exec(handle: string): Promise<void>;
  /** Kills it and removes every trace of it. */
  remove(handle: string): Promise<void>;
  /** The host's pid of its command, as the manager says; undefined when it is not running. Never timed. */
  pid(handle: string): Promise<number | undefined>;
}

export interface KillingContender extends Contender {
  /** SIGKILL to its command. Milliseconds until whoever listens to the manager is told of its exit. */
  kill(handle: string): Promise<number>;
}

/** One that gets images from registries. */
export interface PullingContender extends Contender {
  /** Pulls an image from a registry on loopback; answers how `start` and `removeImage` want it named when it is whole. */
  pull(reference: string): Promise<string>;
  removeImage(image: string): Promise<void>;
}

export interface Manager {
  readonly name: string;
  /** `docker 20.10.24`, for the table's head. */
  readonly version: string;
  /** Its directory: every process that exists for a container names it in its arguments. */
  readonly root: string;
  /** Its long-lived processes, by host pid; empty for bare runc. */
  pids(): Promise<number[]>;
  /** Removes containers that are left, ends the manager, and whatever it left outside `root`. */
  close(): Promise<void>;
}

/** What every contender's containers run: busybox's sleep, long enough for any measurement. */
export const command = ["/bin/sleep", "100000"];
