/**
 * The name of a file is bytes. Where they are UTF-8 it is that text; each byte that is not becomes the lone
 * surrogate U+DC00 + byte, which no text has (Python's surrogateescape, PEP 383). So a name is a string that
 * loses nothing on its way through JSON and back; electron/core/files/name-bytes.ts makes and reads them.
 */

/** For people: what is not UTF-8 as U+FFFD, control characters visible. */
export function shownName(name: string): string {
  return (
    name
      .replaceAll(/\p{Surrogate}/gu, "\ufffd")
      // oxlint-disable-next-line no-control-regex -- those are what it is about
      .replaceAll(/[\u0000-\u001f\u007f]/g, (control) =>
        control === "\u007f" ? "\u2421" : String.fromCharCode(0x2400 + control.charCodeAt(0)),
      )
  );
}

/** Why a name can't be given to a file, as a sentence; undefined when it can. */
export function fileNameProblem(name: string): string | undefined {
  if (name === "") return "A name is needed";
  if (name === "." || name === "..") return `"${name}" means a directory already`;
  if (name.includes("/")) return "A name can't have a slash in it";
  if (name.includes("\0")) return "A name can't have a zero byte in it";
  // Names have at most 255 bytes in the kernel's file systems (NAME_MAX); a character has one to four.
  if (new TextEncoder().encode(name).length > 255) return "A name has at most 255 bytes";
  return undefined;
}

/** `/a` and `b` as `/a/b`. */
export function joinPath(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** `/a/b` as `/a` and `b`; the root has no name. */
export function splitPath(path: string): { directory: string; name: string } {
  const at = path.lastIndexOf("/");
  return { directory: path.slice(0, at) || "/", name: path.slice(at + 1) };
}
