import "./node-version.mjs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const root = join(import.meta.dirname, "../..");

/** What is made once per user and shared by all checkouts: Electron, criu, mkfs.erofs, what was tried. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "shimyard");
