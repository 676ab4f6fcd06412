import { AppError } from "../errors.ts";
import type { CallContext, Channel, Contract, Frame, Handlers, Method } from "./define.ts";
import { Credits, Inbox } from "./flow.ts";
import { checkFrame, MAX_OPEN_CALLS, WINDOW } from "./wire.ts";
import type { z } from "zod";

export interface ServeOptions {
  /** Checks what handlers answer against the contract too; for tests and development. */
  checkOutput?: boolean;
  /** Told of failures that no handler foresaw (no AppError), with the method's name. */
  onUnexpected?: (error: unknown, method: string) => void;
}

export interface Server {
  /** Aborts what is open and closes the channel; resolves when every handler has cleaned up. */
  close(): Promise<void>;
}

/**
 * Answers the calls that arrive on a channel. Every input is parsed by the contract before a handler
 * sees it. A handler's signal is aborted when its caller cancels or the channel closes; its
 * iterator's `return()` is then called and awaited. Ends with the channel.
 */
export function serve<C extends Contract>(
  contract: C,
  handlers: Handlers<C>,
  channel: Channel,
  options: ServeOptions = {},
): Server {
  return new ChannelServer(methodTable(contract, handlers), channel, options);
}

/** Handlers as they are run: what their types promise, the contract's schemas enforce. */
type AnyHandler = (input: unknown, ...rest: unknown[]) => unknown;
interface Entry {
  method: Method;
  handler: AnyHandler;
}

/** A Map, so that no name from outside ever meets a prototype. */
function methodTable<C extends Contract>(contract: C, handlers: Handlers<C>): Map<string, Entry> {
  const table = new Map<string, Entry>();
  for (const [domain, methods] of Object.entries(contract)) {
    const own = handlers[domain] as unknown as Record<string, AnyHandler>;
    for (const [name, method] of Object.entries(methods)) {
      const handler = own[name];
      if (!handler) throw new AppError("INTERNAL", `No handler for ${domain}.${name}`);
      table.set(`${domain}.${name}`, { method, handler: handler.bind(own) });
    }
  }
  return table;
}

interface Call {
  readonly id: number;
  readonly name: string;
  readonly controller: AbortController;
  readonly credits: Credits;
  /** The upward direction of a duplex call. */
  up?: { inbox: Inbox<unknown>; schema: z.ZodType };
  /** For `latest`: sends what waits, when a credit arrives. */
  flush?: () => void;
}

class ChannelServer implements Server {
  readonly #table: Map<string, Entry>;
  readonly #channel: Channel;
  readonly #options: ServeOptions;
  readonly #calls = new Map<number, Call>();
  readonly #running = new Set<Promise<void>>();
  #lastId = 0;
  #stopped = false;

  constructor(table: Map<string, Entry>, channel: Channel, options: ServeOptions) {
    this.#table = table;
    this.#channel = channel;
    this.#options = options;
    channel.onFrame((frame) => this.#receive(frame));
    channel.onClose(() => this.#stop());
  }

  async close(): Promise<void> {
    this.#stop();
    this.#channel.close();
    await Promise.all(this.#running);
  }

  /** Not when the channel has closed: a transport may wait for the other side to agree, and hand on frames meanwhile. */
  #stop(): void {
    this.#stopped = true;
    for (const call of this.#calls.values()) {
      this.#abort(call, new AppError("CANCELLED", "The caller's connection closed"));
    }
  }

  #receive(received: unknown): void {
    if (this.#stopped) return;
    try {
      this.#dispatch(checkFrame(received));
    } catch (error) {
      // Only what no client of ours sends: there is no going on with one that does.
      this.#stop();
      this.#channel.close(AppError.from(error));
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.t === "open") {
      if (frame.id <= this.#lastId) throw protocolError("its id was used before");
      this.#lastId = frame.id;
      this.#open(frame);
      return;
    }
    const call = this.#calls.get(frame.id);
    // It has ended, and the caller could not know yet.
    if (!call || call.controller.signal.aborted) return;
    switch (frame.t) {
      case "cancel":
        this.#abort(call, new AppError("CANCELLED", "The caller cancelled"));
        break;
      case "credit":
        call.credits.add(frame.n);
        call.flush?.();
        break;
      case "item":
        if (!call.up) throw protocolError("an item for a call that takes none");
        this.#takeItem(call, call.up, frame.value);
        break;
      case "end":
        if (!call.up) throw protocolError("an end for a call that takes no items");
        call.up.inbox.end();
        break;
      case "error":
        throw protocolError("an error from a caller");
    }
  }

  #takeItem(call: Call, up: NonNullable<Call["up"]>, value: unknown): void {
    const parsed = up.schema.safeParse(value);
    if (!parsed.success) {
      this.#fail(call, invalidArgument(parsed.error));
    } else if (!up.inbox.push(parsed.data)) {
      throw protocolError("more items than were allowed");
    }
  }

  #open(frame: Extract<Frame, { t: "open" }>): void {
    const { id, method: name } = frame;
    const entry = this.#table.get(name);
    if (!entry) {
      this.#sendError(id, new AppError("UNIMPLEMENTED", `There is no call "${name}"`));
      return;
    }
    if (this.#calls.size >= MAX_OPEN_CALLS) {
      this.#sendError(
        id,
        new AppError("RESOURCE_EXHAUSTED", `More than ${MAX_OPEN_CALLS} calls are open`),
      );
      return;
    }
    const input = entry.method.input.safeParse(frame.input);
    if (!input.success) {
      this.#sendError(id, invalidArgument(input.error));
      return;
    }
    const { method } = entry;
    const latest = method.kind === "stream" && method.delivery === "latest";
    const call: Call = {
      id,
      name,
      controller: new AbortController(),
      credits: new Credits(frame.credits, latest ? 1 : undefined),
    };
    this.#calls.set(id, call);
    const running = this.#run(call, entry, input.data)
      .catch((error: unknown) => this.#fail(call, error))
      .finally(() => {
        this.#calls.delete(id);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  async #run(call: Call, { method, handler }: Entry, input: unknown): Promise<void> {
    const { id, controller } = call;
    const context: CallContext = { signal: controller.signal };
    switch (method.kind) {
      case "query":
      case "mutation": {
        const value = await handler(input, context);
        this.#checkOutput(call, method.output, value);
        this.#sendEnd(call, value);
        break;
      }
      case "stream": {
        const source = handler(input, context) as AsyncIterable<unknown>;
        await (method.delivery === "latest"
          ? this.#pumpLatest(call, source, method.item)
          : this.#pump(call, source, method.item));
        break;
      }
      case "duplex": {
        const grant = (n: number): void => {
          if (!controller.signal.aborted) this.#channel.send({ t: "credit", id, n });
        };
        const inbox = new Inbox<unknown>(grant, () => undefined);
        call.up = { inbox, schema: method.up };
        grant(WINDOW);
        try {
          const source = handler(input, inbox, context) as AsyncIterable<unknown>;
          await this.#pump(call, source, method.down);
        } finally {
          await inbox.return();
        }
        break;
      }
    }
  }

  /** `lossless`: the next item is asked for only when it may be sent. */
  async #pump(call: Call, source: AsyncIterable<unknown>, schema: z.ZodType): Promise<void> {
    const ended = await this.#consume(call, source, async (iterator) => {
      while (await call.credits.ready()) {
        const next = await iterator.next();
        if (call.controller.signal.aborted) break;
        if (next.done) return true;
        this.#checkOutput(call, schema, next.value);
        call.credits.take();
        this.#channel.send({ t: "item", id: call.id, value: next.value });
      }
      return false;
    });
    if (ended) this.#sendEnd(call);
  }

  /** `latest`: the source is always drained; of what can't be sent yet, the newest is kept. */
  async #pumpLatest(call: Call, source: AsyncIterable<unknown>, schema: z.ZodType): Promise<void> {
    const waiting: { item?: { value: unknown } } = {};
    const send = (): void => {
      if (!waiting.item || !call.credits.take()) return;
      const { value } = waiting.item;
      delete waiting.item;
      this.#channel.send({ t: "item", id: call.id, value, wanting: true });
    };
    call.flush = () => {
      try {
        send();
      } catch (error) {
        this.#fail(call, error);
      }
    };
    const ended = await this.#consume(call, source, async (iterator) => {
      for (;;) {
        const next = await iterator.next();
        if (call.controller.signal.aborted) return false;
        if (next.done) break;
        this.#checkOutput(call, schema, next.value);
        waiting.item = { value: next.value };
        send();
      }
      while (waiting.item && (await call.credits.ready())) send();
      return waiting.item === undefined;
    });
    if (ended) this.#sendEnd(call);
  }

  /**
   * Runs `read` on the source's iterator and makes sure that the iterator is told to end, at once on an
   * abort, and has done so, whatever happens. `read` answers true when the source came to its end.
   */
  async #consume(
    call: Call,
    source: AsyncIterable<unknown>,
    read: (iterator: AsyncIterator<unknown>) => Promise<boolean>,
  ): Promise<boolean> {
    const iterator = source[Symbol.asyncIterator]();
    let returned: Promise<unknown> | undefined;
    const stop = (): void => {
      returned ??= Promise.resolve(iterator.return?.()).catch((error: unknown) =>
        this.#options.onUnexpected?.(error, call.name),
      );
    };
    const { signal } = call.controller;
    signal.addEventListener("abort", stop, { once: true });
    let ended = false;
    try {
      ended = await read(iterator);
      return ended;
    } finally {
      signal.removeEventListener("abort", stop);
      if (!ended) stop();
      await returned;
    }
  }

  /** Stops a call without a word to the caller, who asked for it or is gone. */
  #abort(call: Call, reason: AppError): void {
    if (call.controller.signal.aborted) return;
    call.controller.abort(reason);
    call.credits.close();
    call.up?.inbox.abort(reason);
  }

  /** Stops a call and tells the caller why, once. */
  #fail(call: Call, thrown: unknown): void {
    if (call.controller.signal.aborted) return;
    const error = AppError.from(thrown);
    if (error !== thrown) this.#options.onUnexpected?.(thrown, call.name);
    this.#abort(call, error);
    this.#sendError(call.id, error);
  }

  #sendEnd(call: Call, value?: unknown): void {
    if (!call.controller.signal.aborted) this.#channel.send({ t: "end", id: call.id, value });
  }

  #sendError(id: number, error: AppError): void {
    this.#channel.send({ t: "error", id, error: error.toInfo() });
  }

  #checkOutput(call: Call, schema: z.ZodType, value: unknown): void {
    if (!this.#options.checkOutput) return;
    const parsed = schema.safeParse(value);
    if (parsed.success) return;
    const { message } = invalidArgument(parsed.error);
    throw new AppError("INTERNAL", `What ${call.name} answered is not what was agreed: ${message}`);
  }
}

/** The first rule that the input broke, and the field that broke it. */
function invalidArgument(error: z.ZodError): AppError {
  const issue = error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  const rule = issue?.message ?? error.message;
  return new AppError(
    "INVALID_ARGUMENT",
    field ? `${field}: ${rule}` : `The input is not valid: ${rule}`,
    field ? { field } : {},
  );
}

function protocolError(what: string): AppError {
  return new AppError("INVALID_ARGUMENT", `A malformed message arrived: ${what}`);
}
