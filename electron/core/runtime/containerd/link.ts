import type { Disposable } from "#shared/base/disposable";
import { AppError, type ErrorInfo } from "#shared/errors";
import type { TaskLink } from "../shim/served-task.ts";
import type { ContainerdClient } from "./client.ts";
import { Connection, type ConnectionMember } from "./connection.ts";
import type { ContainerdTaskService } from "./task-service.ts";

/** A task's way to the containerd that runs it: a share in the connection, which comes back by itself. */
export class ContainerdLink implements TaskLink {
  readonly #address: string;
  readonly #member: ConnectionMember;
  #share: ({ connection: Connection } & Disposable) | undefined;
  #gaveUp: ErrorInfo | undefined;

  constructor(address: string, member: ConnectionMember) {
    this.#address = address;
    this.#member = member;
  }

  /** Resolves when it answers; UNAVAILABLE when it does not, and is followed all the same. */
  async open(): Promise<ContainerdClient> {
    this.#share ??= Connection.join(this.#address, this.#member);
    return this.#share.connection.ready();
  }

  get client(): ContainerdClient | undefined {
    return this.#gaveUp ? undefined : this.#share?.connection.client;
  }

  get service(): ContainerdTaskService | undefined {
    const { namespace, id } = this.#member;
    return this.client?.task(namespace, id);
  }

  get unanswered(): ErrorInfo | undefined {
    if (this.#gaveUp) return this.#gaveUp;
    const error = this.#share?.connection.error;
    return error && this.#explain(AppError.fromInfo(error), "is away");
  }

  async retry(): Promise<void> {
    this.#gaveUp = undefined;
    await this.open().catch(() => undefined);
  }

  giveUp(error: unknown): void {
    this.#gaveUp = this.#explain(AppError.from(error), "can't tell of it");
  }

  recovered(): void {
    this.#gaveUp = undefined;
  }

  close(): void {
    this.#share?.dispose();
    this.#share = undefined;
  }

  #explain({ code, message, details }: AppError, what: string): ErrorInfo {
    const { id } = this.#member;
    return new AppError(
      code,
      `The containerd at ${this.#address}, which runs container "${id}", ${what}: ${message}`,
      {
        ...details,
        hint: "What runs goes on, and is shown again when containerd answers. Deleting by force ends it without.",
      },
    ).toInfo();
  }
}
