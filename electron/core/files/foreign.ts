import { realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { shownName } from "#shared/base/file-names";
import { AppError } from "#shared/errors";
import type { Paths } from "../host/paths.ts";

/** INVALID_ARGUMENT for a path that leads to our own files, or that they are in: a copy of it would have no end. */
export async function requireForeign(paths: Paths, path: string, field: string): Promise<void> {
  const [named, ...own] = await Promise.all([path, paths.data, paths.state].map(resolved));
  const within = (inner: string, outer: string): boolean =>
    `${inner}${sep}`.startsWith(outer === sep ? sep : `${outer}${sep}`);
  if (named === undefined) return;
  const inOurs = own.some((each) => within(named, each));
  const hasOurs = field === "hostPath" && own.some((each) => within(each, named));
  if (!inOurs && !hasOurs) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `${shownName(path)} ${inOurs ? "is where Shimyard keeps its own files" : "contains Shimyard's own files"}`,
    { field, hint: "Choose another directory." },
  );
}

/** Without links, also of what is not there yet. */
async function resolved(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const parent = dirname(path);
    return parent === path ? path : join(await resolved(parent), basename(path));
  });
}
