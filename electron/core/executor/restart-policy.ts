import type { ExtensionManifest } from "#shared/contract/extensions";
import type { ExitStatus } from "../runtime/runtime.ts";

type Policy = ExtensionManifest["restart"];

/** Whether what has ended is to be started again. An end whose status nobody recorded is taken for a failure. */
export function wantsRestart(policy: Policy, exit: Pick<ExitStatus, "code">): boolean {
  return policy === "always" || (policy === "on-failure" && exit.code !== 0);
}

/**
 * The same for what is found ended when the manager starts. Where no end was seen at all (this machine was
 * started anew) it had not ended by itself.
 */
export function wantsRestartAtLoad(policy: Policy, exit: ExitStatus | undefined): boolean {
  return exit?.code === undefined || wantsRestart(policy, exit);
}
