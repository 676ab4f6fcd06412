import { AppError } from "#shared/errors";
import { wordsCode } from "../host/command.ts";

/** What `ip -batch` said when it failed, or with no words that it has ended. */
export function ipError(words: string, code: number | null): AppError {
  const output = words.trim();
  // Its last line only says which of the lines failed.
  const said =
    output.split("\n")[0] || `it ended with ${code === null ? "a signal" : `code ${code}`}`;
  return new AppError(wordsCode(output) ?? "UNKNOWN", `ip: ${said}`, { output });
}
