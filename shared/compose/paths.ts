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

/** Of a path that begins in the project's directory, where none was chosen. */
export const noDirectory = (path: string): string =>
  `“${path}” begins in the project's directory, and none was chosen: choose it, or write the path from / on`;
