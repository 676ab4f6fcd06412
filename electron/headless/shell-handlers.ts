import type { Paths } from "#core/host/paths";
import type { ShellContract } from "#shared/contract/shell";
import type { Handlers } from "#shared/rpc/define";
import { connectService } from "./service/service-client.ts";
import { describeSetUp, serviceSocket } from "./service/set-up.ts";

export interface ShellOptions {
  /** This build's directory. */
  dist: string;
  version: string;
  /** Of the manager that the window has of its own. */
  paths: Paths;
  /** What only the program that shows the window can do. */
  window: Pick<Handlers<ShellContract>["shell"], "host" | "pickPath">;
}

export function shellHandlers(options: ShellOptions): Handlers<ShellContract> {
  const { dist, version, paths, window } = options;
  return {
    shell: {
      ...window,
      serviceSetUp: () => describeSetUp(dist, paths),
      async reachService() {
        (await connectService(serviceSocket(), version)).close();
        return {};
      },
    },
  };
}
