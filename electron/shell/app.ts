import { join } from "node:path";
import type { ShellOptions } from "#headless/shell-handlers";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Acceptor } from "#shared/rpc/acceptor";
import { createClient } from "#shared/rpc/client";
import { channelPair } from "#shared/rpc/pair";
import { app, type BrowserWindow, dialog, session } from "electron";
import { pickPath } from "./dialogs.ts";
import { setApplicationMenu } from "./menu.ts";
import { onWindowConnected } from "./message-port.ts";
import { registerScheme, serveWindow } from "./protocol.ts";
import { WindowStateFile } from "./window-state.ts";
import { applyTheme, lockDown, lockPermissions, openWindow } from "./windows.ts";

/** What a page may be joined to. */
export interface Acceptors {
  shell: Acceptor;
  /** The manager of who started the app; its calls wait until it is there. Closing it leaves all containers running. */
  user: Promise<Acceptor>;
  /** The manager of the machine. */
  machine: Acceptor;
}

export interface AppConfig {
  /** The build's directory, which holds renderer/ and shell/. */
  dist: string;
  /** Where window and Chromium keep their own data; absent: Electron's usual place. */
  userData?: string;
  start(window: ShellOptions["window"]): Acceptors;
}

/** Milliseconds that quitting waits for the core to close; whatever it does then, a restart can cope. */
const CLOSE_DEADLINE = 5000;

/** Runs the app until it quits. A second start of it shows the first one's window and ends. */
export async function runApp(config: AppConfig): Promise<void> {
  if (config.userData) app.setPath("userData", config.userData);
  registerScheme();
  // Root can't have Chromium's sandbox and gives this switch; every helper process needs it then.
  if (!app.commandLine.hasSwitch("no-sandbox")) app.enableSandbox();
  setApplicationMenu();
  if (!app.requestSingleInstanceLock()) {
    console.log("Shimyard is running already: showing its window.");
    app.exit(0);
    return;
  }
  let window: BrowserWindow | undefined;
  app.on("second-instance", () => {
    if (!window) return;
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  });
  app.on("web-contents-created", (_, contents) => lockDown(contents));
  app.on("window-all-closed", () => app.quit());

  // The core starts while Chromium does, and the window does not wait for it: its calls do.
  const stateFile = new WindowStateFile(app.getPath("userData"));
  const acceptors = config.start({
    pickPath: (input) => pickPath(window, input),
    host: () => ({ shell: "electron", pickPath: true, electron: process.versions.electron }),
  });
  const { shell, user, machine } = acceptors;
  connectWindows(acceptors);
  const quitting = closeBeforeQuit(async () => {
    const own = user.then((manager) => manager.close());
    await Promise.all([stateFile.written(), own, shell.close(), machine.close()]);
  });

  await Promise.all([app.whenReady(), stateFile.load()]);
  applyTheme(stateFile.state.theme);
  lockPermissions(session.defaultSession);
  await serveWindow(join(config.dist, "renderer"));
  window = openWindow(stateFile, config.dist);
  window.on("closed", () => (window = undefined));

  user.then(
    (manager) => followTheme(manager, stateFile, quitting),
    (error: unknown) => refuse(AppError.from(error)),
  );
}

/** Joins every page that connects to what it asks for. */
function connectWindows(acceptors: Acceptors): void {
  const byName = new Map<unknown, Acceptor | Promise<Acceptor>>(Object.entries(acceptors));
  onWindowConnected((name, channel) => {
    Promise.resolve(byName.get(name)).then(
      (acceptor) => (acceptor ? acceptor.accept(channel) : channel.close()),
      () => channel.close(),
    );
  });
}

/**
 * Quitting ends the manager in order; the containers stay as they are. The signal answered is aborted
 * when it begins.
 */
function closeBeforeQuit(close: () => Promise<void>): AbortSignal {
  const quitting = new AbortController();
  app.on("will-quit", (event) => {
    event.preventDefault();
    if (quitting.signal.aborted) return;
    quitting.abort();
    const deadline = new Promise((resolve) => setTimeout(resolve, CLOSE_DEADLINE));
    const closed = close().catch((error: unknown) => console.error("While quitting:", error));
    void Promise.race([closed, deadline]).then(() => app.exit(0));
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => app.quit());
  }
  return quitting.signal;
}

/** The chosen theme comes from the settings of the user's manager, and is kept where the next start finds it at once. */
async function followTheme(
  manager: Acceptor,
  stateFile: WindowStateFile,
  quitting: AbortSignal,
): Promise<void> {
  const [near, far] = channelPair();
  manager.accept(far);
  const settings = createClient<AppContract>(near).stream(
    "system.watchSettings",
    {},
    { signal: quitting },
  );
  try {
    for await (const { theme } of settings) {
      applyTheme(theme);
      if (theme !== stateFile.state.theme) await stateFile.save({ theme });
    }
  } catch (error) {
    if (!quitting.aborted) console.error("The theme is not followed any more:", error);
  }
}

/** The core can't start (another manager holds the root, a damaged database): there is no going on. */
function refuse(error: AppError): void {
  const text = [error.message, error.details.hint].filter(Boolean).join(".\n\n");
  console.error(`Shimyard can't start: ${text}`);
  dialog.showErrorBox("Shimyard can't start", text);
  app.exit(1);
}
