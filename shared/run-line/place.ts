import { resolvePath } from "../compose/paths.ts";
import type { Expand } from "./commands.ts";
import { parseFields, splitPair, writeFields } from "./values.ts";

/** Where a line would have been run, and by whom, as far as it is known. */
export interface Place {
  /** Absolute. */
  directory?: string | undefined;
  home?: string | undefined;
  user?: { uid: number; gid: number; name: string } | undefined;
}

const directoryExpressions = new Set(["$PWD", "$(pwd)"]);

export const isDirectory = (expression: string): boolean => directoryExpressions.has(expression);

/** What a shell there would put in the place of what most lines leave to it. */
export function expandAt({ directory, home, user }: Place): Expand {
  const known = new Map<string, string | undefined>([
    ...[...directoryExpressions].map((name) => [name, directory] as const),
    ...["~", "$HOME"].map((name) => [name, home] as const),
    ...["$USER", "$LOGNAME", "$(whoami)", "$(id -un)"].map((name) => [name, user?.name] as const),
    ...["$UID", "$EUID", "$(id -u)"].map((name) => [name, user?.uid.toString()] as const),
    ...["$GID", "$(id -g)"].map((name) => [name, user?.gid.toString()] as const),
  ]);
  return (expression) => known.get(expression);
}

const relative = /^\.{1,2}(?=\/|$)/;

/**
 * A flag's value with its path from / on, where docker would begin in the directory that it is run in. Undefined when it
 * names no such path.
 */
export function fromDirectory(flag: string, value: string, directory: string): string | undefined {
  if (flag === "volume") {
    const [source = "", ...rest] = value.split(":");
    if (rest.length === 0 || !relative.test(source)) return undefined;
    return [resolvePath(directory, source), ...rest].join(":");
  }
  if (flag === "mount") {
    const fields = parseFields(value).map((field) => {
      const [key, path = ""] = splitPair(field);
      const source = key === "source" || key === "src";
      return source && relative.test(path) ? `${key}=${resolvePath(directory, path)}` : field;
    });
    const written = writeFields(fields);
    return written === value ? undefined : written;
  }
  if (flag === "env-file") {
    return value.startsWith("/") ? undefined : resolvePath(directory, value);
  }
  if (flag === "security-opt") {
    const path = /^seccomp[=:](?=.*[./])([^/].*)$/.exec(value)?.[1];
    return path === undefined ? undefined : `seccomp=${resolvePath(directory, path)}`;
  }
  return undefined;
}
