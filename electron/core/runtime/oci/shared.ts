import type { HostShared } from "../host-shared.ts";
import type { OciBinary, OciCli } from "./oci-cli.ts";

/** What the tasks of one OCI runtime share. */
export interface OciShared extends HostShared {
  binary: OciBinary;
  cli: OciCli;
}
