import { type BrowserWindow, dialog } from "electron";

/** The native picker over a window; null when it was dismissed. */
export async function pickPath(
  window: BrowserWindow | undefined,
  { kind, title }: { kind: "file" | "directory"; title: string },
): Promise<{ path: string | null }> {
  const options: Electron.OpenDialogOptions = {
    title,
    properties: [kind === "file" ? "openFile" : "openDirectory", "showHiddenFiles"],
  };
  const { filePaths } = await (window
    ? dialog.showOpenDialog(window, options)
    : dialog.showOpenDialog(options));
  return { path: filePaths[0] ?? null };
}
