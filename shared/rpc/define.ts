import type { ErrorInfo } from "../errors.ts";
import type { z } from "zod";

/**
 * How a call is declared. The contract (shared/contract) is an object of domains, each an object of
 * these; handlers, client and validation are all derived from it. A method's name on the wire is
 * `domain.method`.
 */
export interface Query<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: "query";
  input: I;
  output: O;
}

export interface Mutation<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  kind: "mutation";
  input: I;
  output: O;
}

/**
 * Server to client, many items. `lossless`: the source waits for the reader's credits.
 * `latest`: without credits the newest item replaces the one waiting (stats).
 */
export interface Stream<I extends z.ZodType = z.ZodType, T extends z.ZodType = z.ZodType> {
  kind: "stream";
  delivery: "lossless" | "latest";
  input: I;
  item: T;
}

/** Both directions, each with its own credits; lossless. */
export interface Duplex<
  I extends z.ZodType = z.ZodType,
  U extends z.ZodType = z.ZodType,
  D extends z.ZodType = z.ZodType,
> {
  kind: "duplex";
  input: I;
  up: U;
  down: D;
}

export type Method = Query | Mutation | Stream | Duplex;
export type Domain = Record<string, Method>;
export type Contract = Record<string, Domain>;

export function query<I extends z.ZodType, O extends z.ZodType>(input: I, output: O): Query<I, O> {
  return { kind: "query", input, output };
}

export function mutation<I extends z.ZodType, O extends z.ZodType>(
  input: I,
  output: O,
): Mutation<I, O> {
  return { kind: "mutation", input, output };
}

export function stream<I extends z.ZodType, T extends z.ZodType>(
  input: I,
  item: T,
  delivery: "lossless" | "latest" = "lossless",
): Stream<I, T> {
  return { kind: "stream", delivery, input, item };
}

export function duplex<I extends z.ZodType, U extends z.ZodType, D extends z.ZodType>(
  input: I,
  up: U,
  down: D,
): Duplex<I, U, D> {
  return { kind: "duplex", input, up, down };
}

/** What a handler is given beside its input. */
export interface CallContext {
  /** Aborted when the caller cancels or its connection goes. Clean-up must not run under it. */
  signal: AbortSignal;
}

type In<S extends z.ZodType> = z.output<S>;
type Out<S extends z.ZodType> = z.input<S>;

export type Handler<M extends Method> =
  M extends Query<infer I, infer O>
    ? (input: In<I>, context: CallContext) => Promise<Out<O>> | Out<O>
    : M extends Mutation<infer I, infer O>
      ? (input: In<I>, context: CallContext) => Promise<Out<O>> | Out<O>
      : M extends Stream<infer I, infer T>
        ? (input: In<I>, context: CallContext) => AsyncIterable<Out<T>>
        : M extends Duplex<infer I, infer U, infer D>
          ? (input: In<I>, up: AsyncIterable<In<U>>, context: CallContext) => AsyncIterable<Out<D>>
          : never;

/** A handler for every method of a contract: a missing one is a compile error. */
export type Handlers<C extends Contract> = {
  [D in keyof C]: { [K in keyof C[D]]: Handler<C[D][K]> };
};

/** `"containers.list" | ...` for the methods of one kind. */
export type MethodName<C extends Contract, Kind extends Method["kind"]> = {
  [D in keyof C & string]: {
    [K in keyof C[D] & string]: C[D][K]["kind"] extends Kind ? `${D}.${K}` : never;
  }[keyof C[D] & string];
}[keyof C & string];

export type MethodOf<C extends Contract, Name extends string> = Name extends `${infer D}.${infer K}`
  ? C[D][K]
  : never;

export type InputOf<M> = M extends { input: infer I extends z.ZodType } ? z.input<I> : never;
export type OutputOf<M> = M extends { output: infer O extends z.ZodType } ? z.output<O> : never;
export type ItemOf<M> = M extends { item: infer T extends z.ZodType } ? z.output<T> : never;
export type UpOf<M> = M extends { up: infer U extends z.ZodType } ? z.input<U> : never;
export type DownOf<M> = M extends { down: infer D extends z.ZodType } ? z.output<D> : never;

/**
 * What a transport must be: whole frames, in order. Bytes inside a frame stay Uint8Array. A transport
 * checks nothing: whoever listens runs `checkFrame` (wire.ts) on what arrives.
 */
export interface Channel {
  /** Throws when the frame can't be carried (too large, not cloneable); does nothing once closed. */
  send(frame: Frame): void;
  onFrame(listener: (frame: Frame) => void): void;
  /** Called once, when no further frame will come; at once when that is so already. */
  onClose(listener: (reason?: Error) => void): void;
  close(reason?: Error): void;
}

/** The frames of the wire. Ids are chosen by the client, positive, never reused on a channel. */
export type Frame =
  | { t: "open"; id: number; method: string; input: unknown; credits: number }
  | { t: "cancel"; id: number }
  /** Allows the other side `n` more items of this call. */
  | { t: "credit"; id: number; n: number }
  /** `wanting`: nothing more comes until this one is granted back, so do it when the reader asks for the next. */
  | { t: "item"; id: number; value: unknown; wanting?: true }
  /** The sender's direction has no more items; a unary call's answer is in `value`. */
  | { t: "end"; id: number; value?: unknown }
  | { t: "error"; id: number; error: ErrorInfo };

export interface CallerOptions {
  signal?: AbortSignal;
}

/** The calling side, made from the contract's type alone. Every rejection is an AppError. */
export interface Client<C extends Contract> {
  call<N extends MethodName<C, "query" | "mutation">>(
    method: N,
    input: InputOf<MethodOf<C, N>>,
    options?: CallerOptions,
  ): Promise<OutputOf<MethodOf<C, N>>>;
  /** Ending the iteration early cancels the call. */
  stream<N extends MethodName<C, "stream">>(
    method: N,
    input: InputOf<MethodOf<C, N>>,
    options?: CallerOptions,
  ): AsyncIterableIterator<ItemOf<MethodOf<C, N>>>;
  duplex<N extends MethodName<C, "duplex">>(
    method: N,
    input: InputOf<MethodOf<C, N>>,
    options?: CallerOptions,
  ): DuplexCall<UpOf<MethodOf<C, N>>, DownOf<MethodOf<C, N>>>;
}

export interface DuplexCall<U, D> extends AsyncIterableIterator<D> {
  /** Resolves when the other side has room for it. */
  send(value: U): Promise<void>;
  /** No more items upwards. */
  end(): void;
}
