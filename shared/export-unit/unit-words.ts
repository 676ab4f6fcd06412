/** A word that systemd, and a person, reads as it stands. */
const plain = /^[\w@+=:,./-]+$/;

const escapes: Record<string, string> = {
  ...{ "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"' },
};

/**
 * What systemd takes for itself in a value doubled: specifiers (systemd.unit(5)), and the variables of a command line
 * (systemd.service(5)).
 */
export const unitText = (text: string): string =>
  text.replaceAll("%", "%%").replaceAll("$", "$$$$");

/** A word of a command line (systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting"). */
export function unitWord(word: string): string {
  if (plain.test(word)) return word;
  const quoted = word.replaceAll(
    // oxlint-disable-next-line no-control-regex -- they are what is to be escaped
    /[\u0000-\u001f\u007f\\"]/g,
    (one) => escapes[one] ?? `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `"${unitText(quoted)}"`;
}

export const unitWords = (words: readonly string[]): string => words.map(unitWord).join(" ");

/** Commands with a line each for what belongs together, continued by backslashes. */
export const unitCommand = (groups: readonly (readonly string[])[]): string =>
  groups.map(unitWords).join(" \\\n    ");

export type UnitLine = [key: string, value: string];

/** Sections with their lines, in order; values are written as they are given. */
export function unitFile(sections: readonly [name: string, lines: readonly UnitLine[]][]): string {
  return sections
    .map(([name, lines]) =>
      [`[${name}]`, ...lines.map(([key, value]) => `${key}=${value}`), ""].join("\n"),
    )
    .join("\n");
}
