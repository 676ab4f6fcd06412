import type { Paths } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import type { ShimBinary } from "../shim/shared.ts";
import type { PidPool } from "./pid-pool.ts";
import type { Transport } from "./transport.ts";

/** What the tasks of Windows' shim share. */
export interface WindowsShared {
  /** `windows/runhcs` */
  id: string;
  paths: Paths;
  privileges: Privileges;
  shim: ShimBinary;
  transport: Transport;
  pids: PidPool;
}
