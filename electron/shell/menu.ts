import { Menu } from "electron";

/**
 * The shortcuts that belong to the window and not to its page; the bar itself is never shown. Nothing
 * here may be a key that a terminal needs: no Ctrl+W, no Ctrl+R. Copy and paste are Chromium's own.
 */
export function setApplicationMenu(): void {
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      {
        label: "Shimyard",
        submenu: [
          { role: "zoomIn", accelerator: "CommandOrControl+=" },
          { role: "zoomOut" },
          { role: "resetZoom" },
          { role: "togglefullscreen" },
          { role: "toggleDevTools" },
          { role: "quit", accelerator: "CommandOrControl+Q" },
        ],
      },
    ]),
  );
}
