import type { Delegation } from "#core/host/delegation";
import type { Paths } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import type { ProcessWatch } from "#core/host/proc";
import type { Conmon } from "./oci/conmon.ts";

/** What the tasks of one runtime of this Linux share, whoever runs them. */
export interface HostShared {
  /** `oci/runc` */
  id: string;
  paths: Paths;
  conmon: Conmon;
  /** Absolute path, where there is one. */
  busybox: string | undefined;
  privileges: Privileges;
  processWatch: ProcessWatch;
  /** Where an ordinary user's containers get cgroups. */
  delegation?: Delegation | undefined;
}
