import { z } from "zod";
import { mutation, query } from "../rpc/define.ts";
import { Nothing } from "./common.ts";

/**
 * The managers that a window can be joined to: that of the user who opened it, and the machine's own, which runs as a
 * service.
 */
export type ManagerName = "user" | "machine";

/** A command for the user to run, who alone decides whether it is. */
const Step = z.object({
  kind: z.enum(["install", "start", "join"]),
  /** What it is for, as an imperative: `Start it, now and at every boot`. */
  title: z.string(),
  /** For a shell, perhaps of several lines. */
  command: z.string(),
});

export const ServiceSetUp = z.object({
  /** Where it listens, or would. */
  socket: z.string(),
  /** Whose members may use it, beside root. Each of them can become root by it. */
  group: z.string(),
  installed: z.boolean(),
  /** The manager of whoever opened the window has the same root: there is nothing to switch between. */
  same: z.boolean(),
  /** Installs, starts and opens it to this user, in this order; what is done already is left out. */
  steps: z.array(Step),
  /** Stops it and what it does at boots; its containers go on. */
  remove: z.string(),
});
export type SetUpStep = z.infer<typeof Step>;
export type ServiceSetUp = z.infer<typeof ServiceSetUp>;

/** What answers beside every manager, and needs none: the program that shows the window. */
export const shellContract = {
  shell: {
    /** Whether pickPath works, and what hosts the window. */
    host: query(
      Nothing,
      z.object({
        shell: z.enum(["electron", "browser"]),
        pickPath: z.boolean(),
        electron: z.string().optional(),
      }),
    ),
    /** The native picker; UNIMPLEMENTED in a browser, where the window asks for a path instead. */
    pickPath: mutation(
      z.object({ kind: z.enum(["file", "directory"]), title: z.string() }),
      z.object({ path: z.string().nullable() }),
    ),
    /** How the machine's manager is had on this machine. */
    serviceSetUp: query(Nothing, ServiceSetUp),
    /**
     * Whether the machine's manager lets this user in now. NOT_FOUND: it is not installed; UNAVAILABLE: it does not
     * run; PERMISSION_DENIED: this user may not; FAILED_PRECONDITION: it is of another version than the window.
     */
    reachService: query(Nothing, Nothing),
  },
};
export type ShellContract = typeof shellContract;
