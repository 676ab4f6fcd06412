import { z } from "zod";
import { duplex, mutation, stream } from "../rpc/define.ts";
import { ById, Bytes, delta, ErrorInfoSchema, Id, Nothing, Time } from "./common.ts";

const Size = { cols: z.number().int().min(1).max(1000), rows: z.number().int().min(1).max(1000) };

/** A terminal lives in its own shim: it is here again after the app was killed and started. */
export const Terminal = z.object({
  id: Id,
  containerId: Id,
  /** Of a container elsewhere (remotes.ts), which the list of containers has not. */
  containerName: z.string().optional(),
  kind: z.enum(["exec", "attach"]),
  args: z.array(z.string()),
  user: z.string().optional(),
  createdAt: Time,
  status: z.enum(["running", "exited", "lost"]),
  exitCode: z.number().optional(),
  /** Why it ended or can't be reached. */
  error: ErrorInfoSchema.optional(),
});
export type Terminal = z.infer<typeof Terminal>;

export const TerminalOutput = z.discriminatedUnion("type", [
  /**
   * First item of every connection: a screen saved earlier (empty when there is none). `offset` is
   * where in the output it was taken; the data that follows begins there. Replies that xterm makes to
   * queries inside replayed data (until `live`) must not be sent.
   */
  z.object({ type: z.literal("screen"), data: z.string(), offset: z.number(), ...Size }),
  /**
   * `offset` is the position after these bytes. Positions only grow, also across rotations of the
   * log; they are places in the shim's log, not counts of bytes shown.
   */
  z.object({ type: z.literal("data"), bytes: Bytes, offset: z.number() }),
  /** Everything written before the connection has been sent. */
  z.object({ type: z.literal("live") }),
  z.object({ type: z.literal("exit"), exitCode: z.number().optional() }),
]);
export type TerminalOutput = z.infer<typeof TerminalOutput>;

export const TerminalInput = z.discriminatedUnion("type", [
  z.object({ type: z.literal("input"), bytes: Bytes }),
  z.object({ type: z.literal("resize"), ...Size }),
]);
export type TerminalInput = z.infer<typeof TerminalInput>;

export const terminals = {
  watch: stream(Nothing, delta(Terminal)),
  /** A new process with a terminal of its own. */
  exec: mutation(
    z.object({
      containerId: Id,
      /** Empty: the first of bash, ash, sh that the container has. */
      args: z.array(z.string()),
      user: z.string().optional(),
      cwd: z.string().optional(),
      env: z.array(z.string()).optional(),
      ...Size,
    }),
    Terminal,
  ),
  /** The container's own terminal, or its standard streams. One a container; opening again gives the same. */
  attach: mutation(z.object({ containerId: Id }), Terminal),
  connect: duplex(ById, TerminalInput, TerminalOutput),
  /** Keeps what the window shows (xterm's serialized screen), for the next connection. */
  saveScreen: mutation(
    z.object({ id: Id, data: z.string().max(1_000_000), offset: z.number(), ...Size }),
    Nothing,
  ),
  /** Ends an exec's process (SIGHUP, then SIGKILL after 2 s) and forgets the terminal; an attach is only forgotten. */
  close: mutation(ById, Nothing),
};
