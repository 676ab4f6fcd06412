import { join } from "node:path";
import { OwnNamespaces } from "../host/own-namespaces.ts";
import type { Paths } from "../host/paths.ts";
import { nameserver, UserNetwork } from "./user-network.ts";

/** Where the bridges of a manager's networks are. */
export interface Ground {
  /** A directory as /proc/PID is one: its `net` is there. */
  readonly proc: string;
  /** This machine's own: packets are passed on, and what else is on the machine is minded. */
  readonly isMachine: boolean;
  /** argv that runs a command there. */
  readonly enter: (argv: string[]) => string[];
  /** argv that runs a command in the network namespace of a container's process. */
  readonly into: (pid: number, argv: string[]) => string[];
}

/** Of root's containers. */
export const machine: Ground = {
  proc: "/proc/self",
  isMachine: true,
  enter: (argv) => argv,
  into: (pid, argv) => ["nsenter", `--net=/proc/${pid}/ns/net`, ...argv],
};

/** Who gives a manager its ground. */
export interface Grounds {
  /** undefined when there is none and none is `needed`. */
  find(needed: boolean): Promise<Ground | undefined>;
  /** Lets go of what nobody needs. False when somebody does. */
  endUnused(): Promise<boolean>;
  /** This machine has other name servers than before. */
  resolverChanged(): Promise<void>;
}

export const machineGrounds: Grounds = {
  find: () => Promise.resolve(machine),
  endUnused: () => Promise.resolve(true),
  resolverChanged: () => Promise.resolve(),
};

/** What pasta is to this ground among those of containers, whose names are longer. */
export const groundId = "bridges";

/**
 * An ordinary user's: a network namespace that a process holds (own-namespaces.ts). It is a switch and a place for
 * who answers to names, who asks the machine's name servers through a pasta of its own. The way out and published
 * ports are each container's, see user-network.ts.
 */
export class UserGrounds implements Grounds {
  readonly namespaces: OwnNamespaces;
  readonly user: UserNetwork;
  /** False: pasta can't be used here, so there is no way out. */
  hasWayOut = true;
  #keeping: Promise<void> | undefined;

  constructor(paths: Paths) {
    this.user = new UserNetwork(join(paths.state, "pasta"));
    this.namespaces = new OwnNamespaces(join(paths.state, "namespaces"), {
      nameserver,
      onEnd: () => this.user.leave(groundId),
    });
  }

  async find(needed: boolean): Promise<Ground | undefined> {
    const pid = needed ? await this.namespaces.hold() : this.namespaces.pid();
    if (pid === undefined) return undefined;
    if (needed && this.hasWayOut) await this.#keepWayOut(pid);
    return {
      proc: `/proc/${pid}`,
      isMachine: false,
      enter: (argv) => this.namespaces.enter(pid, argv),
      into: (target, argv) => [
        ...["nsenter", "--target", String(target), "--user", "--net", "--preserve-credentials"],
        ...argv,
      ],
    };
  }

  endUnused(): Promise<boolean> {
    return this.namespaces.endUnused();
  }

  /** pasta knows those that it began with: the one that names are asked through is started anew. */
  async resolverChanged(): Promise<void> {
    await this.#keeping;
    const pid = this.namespaces.pid();
    if (pid === undefined || !this.hasWayOut) return;
    await this.user.leave(groundId);
    await this.#keepWayOut(pid);
  }

  /** One at a time: two would be started. */
  #keepWayOut(pid: number): Promise<void> {
    this.#keeping ??= this.user.keep({ id: groundId, ports: [] }, pid).finally(() => {
      this.#keeping = undefined;
    });
    return this.#keeping;
  }
}
