import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type ProcessIdentity, processStat } from "#core/host/proc";
import { TtrpcClient } from "#core/ttrpc/client";
import { AppError, type ErrorInfo } from "#shared/errors";
import { writeAtomically } from "#core/base/write-atomically";
import { endWithin } from "../process-dir.ts";
import type { StartAnswer } from "./start-answer.ts";
import { TtrpcTaskService } from "./ttrpc-task-service.ts";

/** `bootstrap.json` in the bundle: where the shim listens, for a later manager. */
const bootstrapSchema = z.object({ socket: z.string(), version: z.number() });

/** To where the shim of a bundle listens, as it was noted. Rejects when that is not to be had. */
export async function connectNoted(bundle: {
  id: string;
  path: string;
}): Promise<TtrpcTaskService> {
  const text = await readFile(join(bundle.path, "bootstrap.json"), "utf8");
  return TtrpcTaskService.connect(bundle.id, bootstrapSchema.parse(JSON.parse(text)));
}

/** Another shim of the same group may listen there by now. */
export async function removeStaleSocket(path: string): Promise<void> {
  const client = await TtrpcClient.connect(path).catch(() => undefined);
  if (client) client.close();
  else await rm(path, { force: true });
}

/** A task's way to its shim: who it is, where it listens, and the connection while there is one. */
export class ShimLink {
  readonly #id: string;
  readonly #bundle: string;
  readonly #lost: () => void;
  #service: TtrpcTaskService | undefined;
  #answer: StartAnswer | undefined;
  #identity: ProcessIdentity | undefined;
  #unanswered: ErrorInfo | undefined;

  /** `lost` is called when the other side ends the connection; not after `close` and the like. */
  constructor(task: { id: string; bundle: string }, lost: () => void) {
    this.#id = task.id;
    this.#bundle = task.bundle;
    this.#lost = lost;
  }

  /** While the shim is there and answers. */
  get service(): TtrpcTaskService | undefined {
    return this.#service;
  }

  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  /** Why a shim that lives can't be asked. */
  get unanswered(): ErrorInfo | undefined {
    return this.#unanswered;
  }

  /** First contact: notes who and where the shim is before it is given anything. `dir` is init's directory. */
  async meet(answer: StartAnswer, dir: string): Promise<TtrpcTaskService> {
    await writeAtomically(join(this.#bundle, "bootstrap.json"), JSON.stringify(answer));
    const service = await this.#connect(answer);
    const pid = await service.shimPid();
    const found = await processStat(pid);
    this.#identity = { pid, startTime: found?.startTime ?? 0 };
    await writeFile(join(dir, "shim.pid"), String(pid));
    return service;
  }

  /** Takes up what an earlier manager noted. Afterwards `service`, `unanswered` or neither says how that went. */
  async reopen(identity: ProcessIdentity | undefined): Promise<void> {
    this.#identity = identity;
    try {
      const text = await readFile(join(this.#bundle, "bootstrap.json"), "utf8");
      this.#answer = bootstrapSchema.parse(JSON.parse(text));
    } catch (error) {
      if (await this.alive()) this.giveUp(error);
      return;
    }
    await this.retry();
  }

  /** Connects once more, where there is anything to connect to. */
  async retry(): Promise<void> {
    if (this.#service || !this.#answer) return;
    try {
      await this.#connect(this.#answer);
    } catch (error) {
      if (await this.alive()) this.giveUp(error);
    }
  }

  /** Whether it is there to answer. One that was killed closes its connections a moment before it is gone. */
  async alive(): Promise<boolean> {
    if (!this.#identity) return false;
    const found = await processStat(this.#identity.pid);
    return found?.startTime === this.#identity.startTime && !found.exiting;
  }

  /** It hangs or talks nonsense: it is not asked again before `retry`. */
  giveUp(error: unknown): void {
    const { message, code, details } = AppError.from(error);
    this.#unanswered = new AppError(
      code,
      `The shim of container "${this.#id}" lives but does not answer: ${message}`,
      { ...details, hint: "Try again, or delete the task by force, which ends its shim." },
    ).toInfo();
    this.close();
  }

  /** It answered after all. */
  recovered(): void {
    this.#unanswered = undefined;
  }

  close(): void {
    const service = this.#service;
    this.#service = undefined;
    service?.close();
  }

  /** Makes sure that the shim is gone, `grace` milliseconds from now at the latest, and its socket. */
  async end(grace: number): Promise<void> {
    this.close();
    if (this.#identity) await endWithin(this.#identity, grace);
    if (this.#answer) await removeStaleSocket(this.#answer.socket);
  }

  async #connect(answer: StartAnswer): Promise<TtrpcTaskService> {
    this.#answer = answer;
    const service = await TtrpcTaskService.connect(this.#id, answer);
    this.#service = service;
    service.onClose(() => {
      if (this.#service !== service) return;
      this.#service = undefined;
      this.#lost();
    });
    return service;
  }
}
