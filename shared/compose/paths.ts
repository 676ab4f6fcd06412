/** `a/b` from `/x` as `/x/a/b`, without `.` and `..`; an absolute one is only tidied. */
export function resolvePath(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${directory}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

export const directoryOf = (path: string): string => resolvePath(path, "..");

export const baseName = (path: string): string => path.split("/").findLast(Boolean) ?? "";
