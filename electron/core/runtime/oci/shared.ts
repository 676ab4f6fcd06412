import type { Paths } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import type { ProcessWatch } from "#core/host/proc";
import type { Conmon } from "./conmon.ts";
import type { OciBinary, OciCli } from "./oci-cli.ts";

/** What the tasks of one OCI runtime share. */
export interface OciShared {
  /** `oci/runc` */
  id: string;
  paths: Paths;
  conmon: Conmon;
  binary: OciBinary;
  cli: OciCli;
  /** Absolute path, where there is one. */
  busybox: string | undefined;
  privileges: Privileges;
  processWatch: ProcessWatch;
}
