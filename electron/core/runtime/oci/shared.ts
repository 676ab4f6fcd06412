import type { HostShared } from "../host-shared.ts";
import type { OwnNamespaces } from "#core/host/own-namespaces";
import type { OciBinary, OciCli } from "./oci-cli.ts";

/** What the tasks of one OCI runtime share. */
export interface OciShared extends HostShared {
  binary: OciBinary;
  cli: OciCli;
  /** Where shims are born, for an ordinary user; undefined: each in namespaces of its own. */
  namespaces?: OwnNamespaces | undefined;
}
