import { z } from "zod";
import { query, stream } from "../rpc/define.ts";
import { Bytes, Id } from "./common.ts";

/**
 * A log is addressed by line number, 0 the oldest kept line. A line is what the container wrote up
 * to a newline, per stream; pieces that the shim split are joined again. Lines are numbered in the
 * order in which they began.
 */
export const LogLine = z.object({
  line: z.number(),
  /** RFC 3339 with nanoseconds, as the shim wrote it. */
  time: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  /** Without the newline; invalid UTF-8 becomes U+FFFD; cut at 64 KiB, then `cut` is true. */
  text: z.string(),
  cut: z.boolean().optional(),
  /**
   * No newline has come yet (a prompt, a progress bar, the last words of a process that ended). A
   * follower gets the line again, under the same number, when it grows or ends: put it in its place.
   */
  open: z.boolean().optional(),
});
export type LogLine = z.infer<typeof LogLine>;

export const logs = {
  /** `count` at most 5,000. Answers what there is of [from, from + count). */
  read: query(
    z.object({ id: Id, from: z.number().int().min(0), count: z.number().int().min(1).max(5000) }),
    z.object({ lines: z.array(LogLine), total: z.number() }),
  ),
  /**
   * First item: `reset`, the total and the last `tail` lines, fewer of them when they are long. Then what is appended, in batches of at
   * most 1,000 lines, each ended line exactly once, by number. A reader that falls behind gets everything, later. A new file (the container was
   * deleted and made again) starts over with `reset`.
   */
  follow: stream(
    z.object({ id: Id, tail: z.number().int().min(0).max(5000) }),
    z.object({ reset: z.boolean(), lines: z.array(LogLine), total: z.number() }),
  ),
  /** Newest match first is the renderer's choice: matches come in file order, in batches, with progress. */
  search: stream(
    z.object({
      id: Id,
      text: z.string().min(1).max(1000),
      regex: z.boolean(),
      caseSensitive: z.boolean(),
      stream: z.enum(["stdout", "stderr"]).optional(),
    }),
    z.object({
      /** Line numbers. */
      matches: z.array(z.number()),
      /** 0..1 */
      progress: z.number(),
      done: z.boolean(),
      /** Set when more than 100,000 lines matched and the rest was not listed. */
      limited: z.boolean(),
    }),
  ),
  /** The whole log as text, one line each, optionally with its time and stream in front. */
  download: stream(
    z.object({ id: Id, timestamps: z.boolean(), stream: z.enum(["stdout", "stderr"]).optional() }),
    Bytes,
  ),
};
