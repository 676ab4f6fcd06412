import type { Extension, ExtensionState, Permission } from "#shared/contract/extensions";
import { plural } from "../../components/format.ts";
import type { StatusLook } from "../../components/status-mark.tsx";

export const extensionLooks: Record<ExtensionState["status"], StatusLook> = {
  running: { shape: "dot", tone: "run", word: "Running" },
  starting: { shape: "spinner", tone: "busy", word: "Starting" },
  stopping: { shape: "spinner", tone: "busy", word: "Stopping" },
  waiting: { shape: "diamond", tone: "bad", word: "Starts again" },
  stopped: { shape: "dot", tone: "stop", word: "Ended" },
  disabled: { shape: "ring", tone: "stop", word: "Disabled" },
};

/** What allowing it means. */
export const permissionWords: Record<Permission, { title: string; meaning: string }> = {
  "containers.list": {
    title: "See containers",
    meaning: "Their names, images and states; not their commands, environment or output",
  },
  "containers.diskUse": {
    title: "See how much disk containers use",
    meaning: "The size of what each wrote and of its log",
  },
  "containers.control": {
    title: "Start, stop and restart containers",
    meaning: "Any of them, without asking each time",
  },
  "images.list": { title: "See images", meaning: "Their names and sizes" },
};

/** What it is and does not look like at a glance: how it ended, how often it was started again. */
export function remarks({ state }: Extension): string[] {
  const { restarts, lastExit, status } = state;
  return [
    restarts > 0 && `Started again ${plural(restarts, "time")}`,
    lastExit &&
      (status !== "running" || restarts > 0) &&
      (lastExit.code === undefined
        ? "nobody saw how it ended"
        : `last ended with status ${lastExit.code}`),
    lastExit?.oomKilled && "the kernel ended it for want of memory",
  ].filter((remark) => typeof remark === "string");
}
