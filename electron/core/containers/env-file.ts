import { AppError } from "#shared/errors";
import { openRegularFile } from "../base/regular-file.ts";

/** Bytes; what is larger is no list of variables. */
const maxSize = 1024 * 1024;

export interface EnvFile {
  /** KEY=VALUE. */
  env: string[];
  /** Names without a value, which docker takes from the shell that it is run from. */
  unset: string[];
}

/**
 * A file of this machine as docker reads --env-file. INVALID_ARGUMENT for what is no such file, and NOT_FOUND or
 * PERMISSION_DENIED for one that can't be opened.
 */
export async function readEnvFile(path: string): Promise<EnvFile> {
  const bad = (message: string, hint: string): AppError =>
    new AppError("INVALID_ARGUMENT", message, { subject: path, field: "path", hint });
  const file = await openRegularFile(path).catch((error: unknown) => {
    if (error instanceof AppError) throw bad(error.message, "Name a file of KEY=VALUE lines.");
    throw AppError.wrap(error, `The variables in ${path} can't be read`);
  });
  try {
    if ((await file.stat()).size > maxSize) {
      throw bad(
        `${path} has more than 1 MiB`,
        "A list of variables is shorter: is it another file?",
      );
    }
    const bytes = await file.readFile();
    return parseEnvFile(bytes, (line, what) =>
      bad(`Line ${line} of ${path} ${what}`, "Write KEY=VALUE, a variable a line."),
    );
  } finally {
    await file.close();
  }
}

/**
 * docker's rules (docker/cli: pkg/kvfile): a line each, # begins a comment, the value is taken as it stands with its
 * quotes, and space before a name is left out. `bad` makes the error of a line.
 */
export function parseEnvFile(
  bytes: Uint8Array,
  bad: (line: number, what: string) => AppError,
): EnvFile {
  const found: EnvFile = { env: [], unset: [] };
  let text: string;
  try {
    // It leaves out the byte order mark, as docker does.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw bad(1 + validLines(bytes), "is not UTF-8");
  }
  for (const [at, raw] of text.split("\n").entries()) {
    // Go's line scanner leaves out a carriage return.
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    const name = equals < 0 ? line : line.slice(0, equals);
    if (name === "") throw bad(at + 1, "has no name before its =");
    if (/\s/.test(name)) throw bad(at + 1, `has a space in the name “${name}”`);
    if (line.includes("\0")) throw bad(at + 1, "holds a zero byte");
    if (equals < 0) found.unset.push(name);
    else found.env.push(line);
  }
  return found;
}

/** How many lines can be read before the first that can't. */
function validLines(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString("utf8").split("\n");
  return Math.max(
    0,
    lines.findIndex((line) => line.includes("\ufffd")),
  );
}
