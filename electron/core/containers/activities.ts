import type { z } from "zod";
import type { Activity } from "#shared/contract/containers";
import { AppError } from "#shared/errors";

export type ActivityName = z.infer<typeof Activity>;

export interface Running {
  name: ActivityName;
  operationId?: string;
  /** Resolves when it has ended, well or not. */
  ended: Promise<void>;
}

/** What is being done to which container: one thing at a time. */
export class Activities {
  readonly #running = new Map<string, Running>();
  readonly #onChange: (id: string) => void;

  constructor(onChange: (id: string) => void) {
    this.#onChange = onChange;
  }

  get(id: string): Running | undefined {
    return this.#running.get(id);
  }

  /** Resolves when nothing is being done to a container: whether it runs is known then, and with what. */
  async quiet(id: string): Promise<void> {
    for (let busy = this.get(id); busy; busy = this.get(id)) await busy.ended;
  }

  /** Whether it is going to run: what is being done to it says so. */
  isBegun(id: string): boolean {
    const busy = this.get(id);
    return busy !== undefined && beginnings.includes(busy.name);
  }

  /** Runs `body` unless something is being done to the container: then FAILED_PRECONDITION says what. */
  async run<T>(
    id: string,
    containerName: string,
    activity: { name: ActivityName; operationId?: string },
    body: () => Promise<T>,
  ): Promise<T> {
    const busy = this.#running.get(id);
    if (busy) {
      throw new AppError("FAILED_PRECONDITION", `"${containerName}" is ${words[busy.name]} now`, {
        subject: `container "${containerName}"`,
        hint: "Wait until that has ended, or cancel it.",
      });
    }
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#running.set(id, { ...activity, ended });
    this.#onChange(id);
    try {
      return await body();
    } finally {
      this.#running.delete(id);
      end();
      this.#onChange(id);
    }
  }
}

const beginnings: ActivityName[] = [
  "creating",
  "starting",
  "restarting",
  "restoring",
  "recreating",
];

const words: Record<ActivityName, string> = {
  creating: "being created",
  starting: "being started",
  stopping: "being stopped",
  restarting: "being restarted",
  checkpointing: "being checkpointed",
  restoring: "being restored",
  recreating: "being re-created",
  deleting: "being deleted",
};
