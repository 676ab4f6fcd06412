/** The part of the File System Access API that is used; browsers without it get a Blob. */
interface SaveFilePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{
    createWritable: () => Promise<WritableStream<Uint8Array> & { abort(): Promise<void> }>;
  }>;
}

export interface SaveFileOptions {
  fileName: string;
  /** A MIME type. */
  type: string;
  /** Called once the user has chosen where it goes. */
  content: () => AsyncIterable<Uint8Array>;
  /** Bytes so far. */
  onProgress: (bytes: number) => void;
}

/**
 * Gives the user a file. Where the browser lets one write files it is streamed there; else it is gathered in a Blob,
 * which browsers keep on disk when it is large. False when the user chose no file.
 */
export async function saveFile(options: SaveFileOptions): Promise<boolean> {
  const { fileName, type, content, onProgress } = options;
  const target = await chooseFile(fileName);
  if (target === "cancelled") return false;
  let bytes = 0;
  if (target) {
    const writer = target.getWriter();
    try {
      for await (const chunk of content()) {
        await writer.write(chunk);
        onProgress((bytes += chunk.length));
      }
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => undefined);
      throw error;
    }
    return true;
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of content()) {
    parts.push(new Uint8Array(chunk));
    onProgress((bytes += chunk.length));
  }
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  // The download has begun by then, and holds the Blob itself.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return true;
}

async function chooseFile(
  suggestedName: string,
): Promise<WritableStream<Uint8Array> | "cancelled" | undefined> {
  const { showSaveFilePicker } = window as SaveFilePicker;
  if (!showSaveFilePicker) return undefined;
  try {
    const file = await showSaveFilePicker.call(window, { suggestedName });
    return await file.createWritable();
  } catch (error) {
    // Refused where the window may not write files at all; then a Blob still works.
    return error instanceof DOMException && error.name === "AbortError" ? "cancelled" : undefined;
  }
}
