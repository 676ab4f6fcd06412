import { AppError } from "../errors.ts";
import type { CallerOptions, Channel, Client, Contract, DuplexCall, Frame } from "./define.ts";
import { Credits, Inbox } from "./flow.ts";
import { checkFrame, WINDOW } from "./wire.ts";

/**
 * The calling side of a channel. Needs the contract as a type only, so that a window carries no
 * schemas. When the channel closes, what is open and every later call rejects with UNAVAILABLE.
 */
export function createClient<C extends Contract>(channel: Channel): Client<C> {
  const caller = new Caller(channel);
  // Method names and values are typed by the contract here and nowhere below.
  return {
    call: (method: string, input: unknown, options?: CallerOptions) =>
      caller.call(method, input, options),
    stream: (method: string, input: unknown, options?: CallerOptions) =>
      caller.stream(method, input, options),
    duplex: (method: string, input: unknown, options?: CallerOptions) =>
      caller.duplex(method, input, options),
  } as Client<C>;
}

/** An open call, as the channel sees it. */
interface Pending {
  item(value: unknown, wanting?: boolean): void;
  credit(n: number): void;
  end(value: unknown): void;
  fail(error: AppError): void;
}

class Caller {
  readonly #channel: Channel;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #closed: AppError | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onFrame((frame) => this.#receive(frame));
    channel.onClose((reason) => {
      this.#closed = new AppError(
        "UNAVAILABLE",
        "The connection to Shimyard's core is closed",
        {},
        reason,
      );
      const pending = [...this.#pending.values()];
      this.#pending.clear();
      for (const call of pending) call.fail(this.#closed);
    });
  }

  call(method: string, input: unknown, options: CallerOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open(method, input, 0, options, {
        item: () => undefined,
        credit: () => undefined,
        end: resolve,
        fail: reject,
      });
    });
  }

  stream(
    method: string,
    input: unknown,
    options: CallerOptions = {},
  ): AsyncIterableIterator<unknown> {
    return this.#download(method, input, options, () => undefined).inbox;
  }

  duplex(
    method: string,
    input: unknown,
    options: CallerOptions = {},
  ): DuplexCall<unknown, unknown> {
    const upload = new Upload((frame) => this.#channel.send(frame));
    const { id, inbox } = this.#download(
      method,
      input,
      options,
      (error) => upload.fail(error),
      (n) => upload.grant(n),
    );
    upload.start(id);
    return {
      next: () => inbox.next(),
      return: () => inbox.return(),
      send: (value) => upload.send(value),
      end: () => upload.end(),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #download(
    method: string,
    input: unknown,
    options: CallerOptions,
    ended: (error: AppError) => void,
    credit: (n: number) => void = () => undefined,
  ): { id: number; inbox: Inbox<unknown> } {
    const inbox = new Inbox<unknown>(
      (n) => {
        if (this.#pending.has(id)) this.#channel.send({ t: "credit", id, n });
      },
      () => cancel(cancelled()),
    );
    const { id, cancel } = this.#open(method, input, WINDOW, options, {
      item: (value, wanting) => inbox.push(value, wanting),
      credit,
      end: () => {
        inbox.end();
        ended(new AppError("FAILED_PRECONDITION", "The call has ended"));
      },
      fail: (error) => {
        // What arrived before the failure is still read, except by one who cancelled.
        if (error.code === "CANCELLED") inbox.abort(error);
        else inbox.fail(error);
        ended(error);
      },
    });
    return { id, inbox };
  }

  /** Registers a call and sends its first frame. `cancel` fails it here and tells the other side. */
  #open(
    method: string,
    input: unknown,
    credits: number,
    { signal }: CallerOptions,
    call: Pending,
  ): { id: number; cancel: (error: AppError) => void } {
    const id = ++this.#lastId;
    const cancel = (error: AppError): void => {
      if (!this.#pending.has(id)) return;
      own.fail(error);
      this.#channel.send({ t: "cancel", id });
    };
    const onAbort = (): void => cancel(cancelled(signal?.reason));
    const finish = (): void => {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", onAbort);
    };
    const own: Pending = {
      item: (value, wanting) => call.item(value, wanting),
      credit: (n) => call.credit(n),
      end: (value) => {
        finish();
        call.end(value);
      },
      fail: (error) => {
        finish();
        call.fail(error);
      },
    };
    if (this.#closed) {
      call.fail(this.#closed);
    } else if (signal?.aborted) {
      call.fail(cancelled(signal.reason));
    } else {
      this.#pending.set(id, own);
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        this.#channel.send({ t: "open", id, method, input, credits });
      } catch (error) {
        own.fail(AppError.from(error));
      }
    }
    return { id, cancel };
  }

  #receive(received: unknown): void {
    let frame: Frame;
    try {
      frame = checkFrame(received);
    } catch (error) {
      this.#channel.close(AppError.from(error));
      return;
    }
    // Answers to what was cancelled meanwhile find nobody.
    const call = this.#pending.get(frame.id);
    if (!call) return;
    switch (frame.t) {
      case "item":
        call.item(frame.value, frame.wanting);
        break;
      case "credit":
        call.credit(frame.n);
        break;
      case "end":
        call.end(frame.value);
        break;
      case "error":
        call.fail(AppError.fromInfo(frame.error));
        break;
      case "open":
      case "cancel":
        this.#channel.close(
          new AppError("INVALID_ARGUMENT", "A malformed message arrived: a call from the core"),
        );
        break;
    }
  }
}

interface Waiting {
  value: unknown;
  resolve: () => void;
  reject: (error: AppError) => void;
}

/** The upward direction of a duplex call: values wait, in order, until the other side has room. */
class Upload {
  readonly #emit: (frame: Frame) => void;
  readonly #credits = new Credits(0);
  readonly #waiting: Waiting[] = [];
  #id = 0;
  #ending = false;
  #failed: AppError | undefined;

  constructor(emit: (frame: Frame) => void) {
    this.#emit = emit;
  }

  start(id: number): void {
    this.#id = id;
  }

  send(value: unknown): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    if (this.#ending) {
      return Promise.reject(
        new AppError("FAILED_PRECONDITION", "Nothing can be sent after the end"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, resolve, reject });
      this.#flush();
    });
  }

  end(): void {
    if (this.#ending || this.#failed) return;
    this.#ending = true;
    this.#flush();
  }

  grant(n: number): void {
    this.#credits.add(n);
    this.#flush();
  }

  fail(error: AppError): void {
    if (this.#failed) return;
    this.#failed = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#credits.take()) {
      const { value, resolve, reject } = this.#waiting.shift()!;
      try {
        this.#emit({ t: "item", id: this.#id, value });
        resolve();
      } catch (error) {
        // Nothing was sent, so the credit is still ours.
        this.#credits.add(1);
        reject(AppError.from(error));
      }
    }
    if (this.#ending && this.#waiting.length === 0) {
      this.#failed = new AppError("FAILED_PRECONDITION", "Nothing can be sent after the end");
      this.#emit({ t: "end", id: this.#id });
    }
  }
}

function cancelled(cause?: unknown): AppError {
  return new AppError("CANCELLED", "The call was cancelled", {}, cause);
}
