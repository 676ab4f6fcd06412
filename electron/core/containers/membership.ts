import type { ContainerNetworks, NetworkChoice } from "#shared/contract/networks";
import { defaultNetwork } from "#shared/contract/networks";
import { AppError } from "#shared/errors";
import type { NetworkService } from "../network/network-service.ts";
import type { Activities } from "./activities.ts";
import type { ContainerRecord, ContainerStore } from "./container-store.ts";
import type { Lifecycle } from "./lifecycle.ts";

export interface MembershipOptions {
  records: ContainerStore;
  activities: Activities;
  lifecycle: Lifecycle;
  networks: NetworkService;
}

/** Which networks a container is in, while it runs and from its next start. */
export class Membership {
  readonly #o: MembershipOptions;

  constructor(options: MembershipOptions) {
    this.#o = options;
  }

  async connect(id: string, choice: NetworkChoice): Promise<void> {
    await this.#o.activities.quiet(id);
    const record = this.#o.records.get(id);
    const before = this.#listed(record);
    if (before.some(({ name }) => name === choice.name)) {
      throw new AppError(
        "ALREADY_EXISTS",
        `"${record.config.name}" is in "${choice.name}" already`,
      );
    }
    await this.#o.networks.connect(record, choice, this.#pid(id));
    await this.#save(id, [...before, choice]);
  }

  /** NOT_FOUND when it is not in that network. */
  async disconnect(id: string, network: string): Promise<void> {
    await this.#o.activities.quiet(id);
    const record = this.#o.records.get(id);
    const before = this.#listed(record);
    const after = before.filter(({ name }) => name !== network);
    if (after.length === before.length) {
      throw new AppError("NOT_FOUND", `"${record.config.name}" is not in "${network}"`);
    }
    await this.#o.networks.disconnect(record, network, this.#pid(id));
    await this.#save(id, after.length > 0 ? after : "none");
  }

  /** FAILED_PRECONDITION for one that has the machine's own network, or another container's. */
  #listed({ config, id }: ContainerRecord): NetworkChoice[] {
    const { networks } = config;
    if (networks === "none") return [];
    if (networks === undefined) return [{ name: defaultNetwork }];
    if (Array.isArray(networks)) return networks;
    const whose =
      networks === "host" ? "this machine's own network" : `the network of "${networks.container}"`;
    throw new AppError("FAILED_PRECONDITION", `"${config.name}" has ${whose}`, {
      subject: `container ${id.slice(0, 12)}`,
      hint: "Create it anew with a network of its own.",
    });
  }

  #pid(id: string): number | undefined {
    const { lifecycle } = this.#o;
    return lifecycle.isLive(id) ? lifecycle.task(id)?.state.pid : undefined;
  }

  async #save(id: string, networks: ContainerNetworks): Promise<void> {
    const { records } = this.#o;
    await records.update(id, { config: { ...records.get(id).config, networks } });
  }
}
