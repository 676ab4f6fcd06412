import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Transport } from "../transport.ts";

/** Unix sockets in a directory, where Windows would have named pipes. */
export function socketsIn(dir: string): Transport {
  return {
    address: (name) => join(dir, name.split("\\").at(-1) ?? name),
    names: () => readdir(dir),
  };
}
