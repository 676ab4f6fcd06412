import type { RunDraft, RunNote } from "./draft.ts";
import { type PastedCommand, type PastedWord, splitCommands } from "./commands.ts";
import type { Program } from "./flag.ts";
import { expandAt, isDirectory, type Place } from "./place.ts";
import { RunLineReader } from "./run-line-reader.ts";

export type ParsedRunLine =
  | {
      ok: true;
      draft: RunDraft;
      /** As it stands there: `nginx:1.27`. */
      image: string;
      /** False for `create`. */
      start: boolean;
      notes: RunNote[];
      /** Something of it depends on the directory that it is run in, known or not. */
      inDirectory: boolean;
    }
  /** `position` is where in the text it goes wrong. */
  | { ok: false; message: string; position: number };

/** Whether a text is a command line of this kind, so that its field may offer to read it. */
export function looksLikeRunLine(text: string): boolean {
  // A definition may have such a line in it.
  if (!/\b(?:docker|podman|nerdctl)\b/.test(text) || /^\s*(?:---|\{|[\w-]+:(?:\s|$))/.test(text)) {
    return false;
  }
  const pasted = splitCommands(text.replaceAll("\r\n", "\n"));
  return pasted.ok && pasted.commands.some(({ words }) => skipCommand(words));
}

/**
 * Reads a `docker run`, `docker create`, `podman run` or `podman create` line, alone or among other commands. What a
 * shell would do to it is done as far as `place` tells, else noted. A flag that is wrong or can't be carried over is
 * noted, and the others are read.
 */
export function parseRunLine(pasted: string, place: Place = {}): ParsedRunLine {
  const text = pasted.replaceAll("\r\n", "\n");
  let inDirectory = false;
  const expand = expandAt(place);
  const split = splitCommands(text, (expression) => {
    inDirectory ||= isDirectory(expression);
    return expand(expression);
  });
  if (!split.ok) return split;
  const at = split.commands.findIndex(({ words }) => skipCommand(words));
  const command = split.commands[at];
  const begun = command && skipCommand(command.words);
  if (!begun) {
    return { ok: false, position: 0, message: "This is no docker run or podman run line" };
  }
  const notes: RunNote[] = split.commands
    .slice(0, at)
    .map(({ start, end }) => noteBefore(text.slice(start, end)));
  const words = untilRedirection(text, command, notes);
  const read = new RunLineReader(words.slice(begun.next), begun.program, place, notes).read();
  if (!read.ok) {
    return { ...read, position: read.position ?? words.at(-1)?.end ?? 0 };
  }
  const { draft, image } = read;
  return {
    ...{ ok: true, draft, image, start: begun.start, notes },
    inDirectory: inDirectory || read.inDirectory,
  };
}

interface Command {
  program: Program;
  start: boolean;
  /** Index of the first word after it. */
  next: number;
}

/** docker's, podman's and nerdctl's own flags that take a value, before the command. */
const globalFlags = new Set([
  ...["--config", "--context", "-c", "--host", "-H", "--log-level", "-l", "--tlscacert"],
  ...["--tlscert", "--tlskey", "--namespace", "-n", "--address", "-a", "--root", "--runroot"],
  ...["--connection", "--url", "--identity", "--storage-driver", "--storage-opt", "--runtime"],
]);

function skipCommand(words: readonly PastedWord[]): Command | undefined {
  let at = 0;
  const value = (): string => words[at]?.value ?? "";
  // A prompt that was copied along, variables for the program, and who runs it.
  while (["$", "#", ">"].includes(value()) || /^\w+=/.test(value())) at += 1;
  if (value() === "sudo") {
    at += 1;
    while (value().startsWith("-")) at += ["-u", "-g"].includes(value()) ? 2 : 1;
  }
  const program = /(?:^|\/)(docker|podman|nerdctl)$/.exec(value())?.[1];
  if (program === undefined) return undefined;
  at += 1;
  while (value().startsWith("-")) at += globalFlags.has(value()) ? 2 : 1;
  if (value() === "container") at += 1;
  if (value() !== "run" && value() !== "create") return undefined;
  return {
    program: program === "podman" ? "podman" : "docker",
    start: value() === "run",
    next: at + 1,
  };
}

/** What is said of a command before the one that is read. */
function noteBefore(text: string): RunNote {
  const flag = clip(text);
  if (/\b(?:docker|podman|nerdctl)\s+(?:image\s+)?pull\s/.test(text)) {
    return { flag, lost: false, reason: "The image is pulled when it is not here" };
  }
  if (/\b(?:docker|podman|nerdctl)\s+volume\s+create\s+[\w.-]+$/.test(text)) {
    return { flag, lost: false, reason: "A volume is made with the container that names it" };
  }
  return { flag, lost: true, reason: "Only the line that makes the container is read" };
}

const clip = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
};

/** The words up to where one redirects what it reads or writes; notes that, and what follows the command. */
function untilRedirection(
  text: string,
  { words, end }: PastedCommand,
  notes: RunNote[],
): PastedWord[] {
  const stop = words.findIndex(({ start }) => /^\d*[<>]/.test(text.slice(start, start + 8)));
  const rest = text.slice(stop < 0 ? end : words[stop]?.start).trim();
  if (rest !== "" && !/^(?:#.*|;)$/.test(rest)) {
    notes.push({ flag: clip(rest), lost: true, reason: "Only the first command is read" });
  }
  return stop < 0 ? words : words.slice(0, stop);
}
