import { join } from "node:path";
import {
  BrowserWindow,
  nativeTheme,
  screen,
  shell,
  type Session,
  type WebContents,
} from "electron";
import { windowUrl } from "./protocol.ts";
import type { WindowState, WindowStateFile } from "./window-state.ts";

/** `--bg` of the window's two themes (renderer/src/styles), shown until the page has painted. */
const background = { dark: "#0e1116", light: "#f4f6f8" };

/** Milliseconds that a window must lie still before its place is saved. */
const SETTLED = 500;

/** A page that crashes again within this many milliseconds is left alone. */
const CRASH_LOOP = 10_000;

/** Opens the window, at its last place and in its last colours. It shows when it has something to show. */
export function openWindow(stateFile: WindowStateFile, dist: string): BrowserWindow {
  const { state } = stateFile;
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    ...placeOnScreen(state),
    minWidth: 720,
    minHeight: 480,
    show: false,
    title: "Shimyard",
    backgroundColor: backgroundColor(),
    icon: join(dist, "../assets/icon.png"),
    autoHideMenuBar: false,
    webPreferences: {
      preload: join(dist, "shell/preload.cjs"),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      spellcheck: false,
    },
  });
  // Hidden for good, so that Alt in a terminal is the terminal's; its shortcuts work all the same.
  window.setMenuBarVisibility(false);
  window.once("ready-to-show", () => {
    // Maximizing shows the window too.
    if (state.maximized) window.maximize();
    window.show();
  });
  rememberPlace(window, stateFile);
  reloadAfterCrash(window);
  void window.loadURL(windowUrl);
  return window;
}

/** The window follows the theme that was chosen, its frame and menus too. */
export function applyTheme(theme: WindowState["theme"]): void {
  nativeTheme.themeSource = theme;
  for (const window of BrowserWindow.getAllWindows()) window.setBackgroundColor(backgroundColor());
}

/** Where panels of extensions are served: electron/core/extensions/panel-server.ts. */
const panelUrl = /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\//;

/** Our page, which may load itself anew, and in frames of it panels: it can't leave, open windows, embed others or ask for devices. */
export function lockDown(contents: WebContents): void {
  // The main frame's navigations are among these.
  contents.on("will-frame-navigate", (event) => {
    const allowed = event.isMainFrame ? event.url === windowUrl : panelUrl.test(event.url);
    if (!allowed) event.preventDefault();
  });
  contents.on("will-redirect", (event) => event.preventDefault());
  contents.on("will-attach-webview", (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    // A link in a log or a terminal: to the user's browser, when it leads to the web.
    if (isWebLink(url)) void shell.openExternal(url);
    return { action: "deny" };
  });
}

/** Copying is all that the page may do beside showing itself. */
export function lockPermissions(session: Session): void {
  const allowed = "clipboard-sanitized-write";
  session.setPermissionRequestHandler((_, permission, answer) => answer(permission === allowed));
  session.setPermissionCheckHandler((_, permission) => permission === allowed);
  session.setDevicePermissionHandler(() => false);
}

function isWebLink(url: string): boolean {
  return URL.canParse(url) && ["https:", "http:"].includes(new URL(url).protocol);
}

function backgroundColor(): string {
  return nativeTheme.shouldUseDarkColors ? background.dark : background.light;
}

/** The remembered bounds, unless the screen they were on is gone. */
function placeOnScreen({ bounds }: WindowState): Partial<Electron.Rectangle> {
  if (!bounds) return {};
  const { workArea } = screen.getDisplayMatching(bounds);
  const overlaps =
    bounds.x < workArea.x + workArea.width &&
    bounds.x + bounds.width > workArea.x &&
    bounds.y < workArea.y + workArea.height &&
    bounds.y + bounds.height > workArea.y;
  return overlaps ? bounds : { width: bounds.width, height: bounds.height };
}

function rememberPlace(window: BrowserWindow, stateFile: WindowStateFile): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(timer);
    void stateFile.save({ bounds: window.getNormalBounds(), maximized: window.isMaximized() });
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(save, SETTLED);
  };
  window.on("resize", soon);
  window.on("move", soon);
  window.on("close", save);
}

function reloadAfterCrash(window: BrowserWindow): void {
  let last = 0;
  window.webContents.on("render-process-gone", (_, { reason }) => {
    if (reason === "clean-exit" || reason === "killed" || window.isDestroyed()) return;
    console.error(`The window's page ended: ${reason}`);
    const now = Date.now();
    if (now - last > CRASH_LOOP) window.reload();
    last = now;
  });
}
