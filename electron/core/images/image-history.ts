import type { HistoryEntry } from "#shared/contract/images";
import type { ConfigFile } from "../content/oci.ts";
import type { LayerInfo } from "../snapshots/layer.ts";
import type { ImageRecord } from "./image-store.ts";

export interface HistorySource {
  layer(diffId: string): LayerInfo | undefined;
  /** Names of other images that have it. */
  sharedWith(diffId: string): string[];
}

/** An image's history, base first, with the layers that its lines made. Lines are told of the last layers first: those below may have none. */
export function historyOf(
  config: ConfigFile,
  { layers }: ImageRecord,
  source: HistorySource,
): HistoryEntry[] {
  const left = [...layers];
  const take = (): Pick<HistoryEntry, "layer"> => {
    const record = left.shift();
    if (!record) return {};
    const info = source.layer(record.diffId);
    return {
      layer: {
        diffId: record.diffId,
        digest: record.digest,
        mediaType: record.mediaType,
        compressed: record.size,
        size: info?.size ?? 0,
        files: info?.files ?? 0,
        kind: info?.kind ?? "directory",
        sharedWith: source.sharedWith(record.diffId),
      },
    };
  };
  const lines = config.history ?? [];
  const told = lines.filter((line) => !line.empty_layer).length;
  const entries: HistoryEntry[] = [];
  while (left.length > told) entries.push({ createdBy: "", ...take() });
  for (const line of lines) {
    const createdAt = Date.parse(line.created ?? "");
    entries.push({
      createdBy: line.created_by ?? "",
      ...(Number.isNaN(createdAt) ? {} : { createdAt }),
      ...(line.comment ? { comment: line.comment } : {}),
      ...(line.empty_layer ? {} : take()),
    });
  }
  return entries;
}
