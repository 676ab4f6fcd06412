import type { OciShared } from "../oci/shared.ts";

/** A containerd shim of this host. */
export interface ShimBinary {
  /** `containerd-shim-runc-v2` */
  name: string;
  path: string;
  version: string;
}

/** What the tasks of one containerd shim with one OCI runtime share. `binary.name` names its state directory. */
export interface ShimShared extends OciShared {
  shim: ShimBinary;
}
