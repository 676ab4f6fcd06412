import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";
import { saveFile } from "../../components/save-file.ts";

export interface DownloadOptions {
  id: string;
  fileName: string;
  timestamps: boolean;
  signal: AbortSignal;
  /** Bytes so far. */
  onProgress: (bytes: number) => void;
}

/** The whole log as a file. False when the user chose none. */
export function downloadLog(
  client: Client<AppContract>,
  options: DownloadOptions,
): Promise<boolean> {
  const { id, fileName, timestamps, signal, onProgress } = options;
  return saveFile({
    ...{ fileName, type: "text/plain;charset=utf-8", onProgress },
    content: () => client.stream("logs.download", { id, timestamps }, { signal }),
  });
}
