import type { AppContract } from "#shared/contract/index";
import type { ManagerName, ShellContract } from "#shared/contract/shell";
import { AppError } from "#shared/errors";
import { Emitter, type Event } from "#shared/base/emitter";
import { createClient } from "#shared/rpc/client";
import { decodeFrame, encodeFrame } from "#shared/rpc/codec";
import type { Channel, Client, Contract, Frame } from "#shared/rpc/define";

/** `closed` is for good: the page must be loaded anew, in a browser with a new address. */
export type ConnectionState = "connected" | "reconnecting" | "closed";

export interface Connection<C extends Contract> {
  /**
   * The same for the page's life. While `reconnecting`, calls reject with UNAVAILABLE; streams that
   * were open end with it, and whoever reads them opens them again on `connected`.
   */
  readonly client: Client<C>;
  readonly state: ConnectionState;
  /** Why the last attempt failed, while `reconnecting`. */
  readonly trouble: AppError | undefined;
  /** Told of the state after each change of it, or of the trouble. */
  readonly onState: Event<ConnectionState>;
  close(): void;
}

/** What the page is joined to. */
export interface Connections {
  readonly shell: Connection<ShellContract>;
  /** The manager of who opened the window; it keeps what is the window's own, as its theme. */
  readonly user: Connection<AppContract>;
  /** The manager that the window shows. */
  readonly shown: Connection<AppContract>;
}

/** Milliseconds between attempts: doubled each time, up to the last. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;

/**
 * Joins the page to its shell and to managers: over MessagePorts in the app's own window, over WebSockets
 * in a browser. Resolves when the shell is connected; the managers may not be yet. Rejects with
 * UNAUTHENTICATED when the server does not know this browser.
 */
export async function connect(manager: ManagerName): Promise<Connections> {
  const inApp = location.protocol === "app:";
  const open = inApp ? openPort : openSocket;
  const refused = inApp ? () => Promise.resolve(false) : isRefused;
  const shell = await keepConnected<ShellContract>(() => open("shell"), refused);
  const user = new Keeper<AppContract>(() => open("user"), refused);
  const machine = async (): Promise<Channel> => {
    // A port that is closed does not say why.
    await shell.client.call("shell.reachService", {});
    return open("machine");
  };
  const shown = manager === "user" ? user : new Keeper<AppContract>(machine, refused);
  // Their one failure, a refusal, is the state `closed`.
  for (const keeper of new Set([user, shown])) keeper.start().catch(() => undefined);
  return { shell, user, shown };
}

/**
 * A connection over what `open` gives, opened again whenever it closes, until `refused` answers true.
 * Exported for tests.
 */
export async function keepConnected<C extends Contract>(
  open: () => Promise<Channel>,
  refused: () => Promise<boolean>,
): Promise<Connection<C>> {
  const keeper = new Keeper<C>(open, refused);
  await keeper.start();
  return keeper;
}

class Keeper<C extends Contract> implements Connection<C> {
  readonly #open: () => Promise<Channel>;
  readonly #refused: () => Promise<boolean>;
  readonly #onState = new Emitter<ConnectionState>();
  #state: ConnectionState = "reconnecting";
  #trouble: AppError | undefined;
  #channel: Channel | undefined;
  #current: Client<C> | undefined;

  readonly onState = this.#onState.event;
  readonly client: Client<C> = {
    call: (method, input, options) => this.#now().call(method, input, options),
    stream: (method, input, options) => this.#now().stream(method, input, options),
    duplex: (method, input, options) => this.#now().duplex(method, input, options),
  };

  constructor(open: () => Promise<Channel>, refused: () => Promise<boolean>) {
    this.#open = open;
    this.#refused = refused;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get trouble(): AppError | undefined {
    return this.#trouble;
  }

  async start(): Promise<void> {
    let delay = FIRST_DELAY;
    // Not at once after a loss: whoever closes each connection must not be asked without end.
    if (this.#channel) await sleep(delay);
    while (this.#state === "reconnecting") {
      try {
        this.#adopt(await this.#open());
        return;
      } catch (error) {
        if (await this.#refused()) {
          this.#enter("closed");
          throw new AppError("UNAUTHENTICATED", "This page's access has expired", {
            hint: "Open the address that Shimyard printed when it was started.",
          });
        }
        this.#enter("reconnecting", AppError.from(error));
        await sleep(delay);
        delay = Math.min(delay * 2, LONGEST_DELAY);
      }
    }
  }

  close(): void {
    this.#enter("closed");
    this.#channel?.close();
  }

  #adopt(channel: Channel): void {
    if (this.#state === "closed") {
      channel.close();
      return;
    }
    this.#channel = channel;
    this.#current = createClient<C>(channel);
    this.#enter("connected");
    channel.onClose(() => {
      if (this.#state === "closed") return;
      this.#enter("reconnecting");
      // Its one failure, a refusal, is the state `closed`.
      this.start().catch(() => undefined);
    });
  }

  #now(): Client<C> {
    if (this.#current) return this.#current;
    throw new AppError("UNAVAILABLE", "Not connected yet", {}, this.#trouble);
  }

  #enter(state: ConnectionState, trouble?: AppError): void {
    if (this.#state === "closed") return;
    if (this.#state === state && this.#trouble?.message === trouble?.message) return;
    this.#state = state;
    this.#trouble = trouble;
    this.#onState.fire(state);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks the preload for a port; see electron/shell/preload.ts. */
function openPort(name: string): Promise<Channel> {
  return new Promise((resolve) => {
    const onMessage = (event: MessageEvent<{ shimyardPort?: unknown } | null>): void => {
      const port = event.ports[0];
      if (event.source !== window || event.data?.shimyardPort !== name || !port) return;
      window.removeEventListener("message", onMessage);
      resolve(new PortChannel(port));
    };
    window.addEventListener("message", onMessage);
    window.postMessage({ shimyardConnect: name }, location.origin);
  });
}

class PortChannel implements Channel {
  readonly #port: MessagePort;
  readonly #onClose: ((reason?: Error) => void)[] = [];
  #closed: { reason: Error | undefined } | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.addEventListener("close", () => this.#end());
  }

  send(frame: Frame): void {
    if (!this.#closed) this.#port.postMessage(frame);
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#port.addEventListener("message", (event: MessageEvent<Frame>) => listener(event.data));
    this.#port.start();
  }

  onClose(listener: (reason?: Error) => void): void {
    if (this.#closed) listener(this.#closed.reason);
    else this.#onClose.push(listener);
  }

  close(reason?: Error): void {
    this.#port.close();
    this.#end(reason);
  }

  #end(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = { reason };
    for (const listener of this.#onClose) listener(reason);
  }
}

/** The page's cookie, set when it was opened with its token, is what lets the socket in. */
function openSocket(name: string): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/rpc/${name}`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => resolve(new SocketChannel(socket)), { once: true });
    socket.addEventListener("close", () => reject(new Error("Shimyard does not answer")), {
      once: true,
    });
  });
}

/** A socket does not say why it was not opened; a plain request does. */
async function isRefused(): Promise<boolean> {
  try {
    return (await fetch("/", { method: "HEAD", cache: "no-store" })).status === 401;
  } catch {
    return false;
  }
}

class SocketChannel implements Channel {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  send(frame: Frame): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(encodeFrame(frame));
    }
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      try {
        if (!(data instanceof ArrayBuffer)) throw new Error("Text arrived where bytes belong");
        listener(decodeFrame(new Uint8Array(data)) as Frame);
      } catch (error) {
        this.close(AppError.from(error));
      }
    });
  }

  onClose(listener: (reason?: Error) => void): void {
    if (this.#socket.readyState === WebSocket.CLOSED) listener();
    else this.#socket.addEventListener("close", () => listener(), { once: true });
  }

  close(reason?: Error): void {
    // 4000: this side could not go on; 123 bytes are the most that a reason may have.
    if (reason) this.#socket.close(4000, reason.message.slice(0, 40));
    else this.#socket.close();
  }
}
