import { AppError } from "#shared/errors";

export interface Pattern {
  text: string;
  regex: boolean;
  caseSensitive: boolean;
}

// ECMA-48 control sequences (CSI) and the operating system commands that set titles and links (OSC).
// oxlint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g;

/** A line as one reads it: without colours and links. */
export function plainText(text: string): string {
  return text.includes("\u001b") ? text.replace(escapes, "") : text;
}

/** A test for lines. INVALID_ARGUMENT, with the engine's own reason, for an invalid expression. */
export function compilePattern({ text, regex, caseSensitive }: Pattern): (line: string) => boolean {
  if (!regex && caseSensitive) return (line) => line.includes(text);
  const source = regex ? text : text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  let expression: RegExp;
  try {
    expression = new RegExp(source, caseSensitive ? "" : "i");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError(
      "INVALID_ARGUMENT",
      "This is no valid regular expression",
      { field: "text", output: reason },
      error,
    );
  }
  return (line) => expression.test(line);
}
