import type { Transfer } from "#shared/contract/images";
import type { StatusLook } from "../../components/status-mark.tsx";
import type { TransferFailure } from "../../state/transfer-failures.ts";

export type TransferLayer = Transfer["layers"][number];

/** What the list of transfers shows: one that runs, or one that failed and was not put away. */
export interface ShownTransfer extends Omit<Transfer, "status"> {
  status: "running" | "failed";
  platform?: string | undefined;
  /** The core never made a transfer of it: it is this window's own record. */
  local?: boolean;
}

/**
 * Those that are to be seen, newest first. A failed one goes when it was dismissed, and when the same is
 * transferred again; a failure that the core has no transfer of, as for a reference it can't read, is there too.
 */
export function shownTransfers(
  transfers: Iterable<Transfer>,
  failures: readonly TransferFailure[],
  dismissed: ReadonlySet<string>,
): ShownTransfer[] {
  const all = [...transfers].sort((a, b) => b.startedAt - a.startedAt);
  const sameAs = (a: Pick<Transfer, "direction" | "reference">) => (b: typeof a) =>
    a.direction === b.direction && a.reference === b.reference;
  const shown: ShownTransfer[] = [];
  for (const [index, transfer] of all.entries()) {
    const { status } = transfer;
    const again = all.slice(0, index).some(sameAs(transfer));
    if (status === "running" || (status === "failed" && !again && !dismissed.has(transfer.id))) {
      shown.push({ ...transfer, status, platform: failures.find(sameAs(transfer))?.platform });
    }
  }
  for (const failure of failures) {
    // The window's clock and the core's are the same machine's; the core begins after it was asked.
    const told = all.find((each) => sameAs(failure)(each) && each.startedAt >= failure.startedAt);
    if (told) continue;
    const { direction, reference, platform, startedAt, error } = failure;
    shown.push({
      ...{ id: `${direction} ${reference}`, direction, reference, platform, startedAt, error },
      ...{ status: "failed", layers: [], local: true },
    });
  }
  return shown.sort((a, b) => b.startedAt - a.startedAt);
}

/** Bytes of all layers, and of these those that are through; `ready` counts the layers that are. */
export function transferTotals(layers: readonly TransferLayer[]) {
  let size = 0;
  let done = 0;
  let moved = 0;
  let ready = 0;
  for (const layer of layers) {
    size += layer.size;
    done += layer.done;
    if (layer.state !== "there") moved += layer.done;
    if (layer.state === "done" || layer.state === "there") ready += 1;
  }
  return { size, done, moved, ready };
}

/** What a transfer is at, in a word. */
export function transferWord({ direction, status, layers }: ShownTransfer): string {
  if (status === "failed") return direction === "pull" ? "Not pulled" : "Not pushed";
  if (layers.length === 0) return "Looking it up";
  const busy = layers.some(({ state }) => state === "moving" || state === "waiting");
  if (!busy && layers.some(({ state }) => state === "unpacking")) return "Unpacking";
  return direction === "pull" ? "Pulling" : "Pushing";
}

/** A layer's state as mark and word. */
export function layerLook(
  state: TransferLayer["state"],
  direction: Transfer["direction"],
): StatusLook {
  switch (state) {
    case "waiting":
      return { shape: "ring", tone: "stop", word: "Waiting" };
    case "moving":
      return {
        ...{ shape: "spinner", tone: "busy" },
        word: direction === "pull" ? "Downloading" : "Uploading",
      };
    case "unpacking":
      return { shape: "spinner", tone: "pause", word: "Unpacking" };
    case "done":
      return { shape: "dot", tone: "run", word: "Done" };
    default:
      return { shape: "dot", tone: "stop", word: "Already there" };
  }
}
