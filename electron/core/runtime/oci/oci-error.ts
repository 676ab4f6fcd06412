import { readFile } from "node:fs/promises";
import { lastWords, wordsCode } from "#core/host/command";
import { AppError, type ErrorCode } from "#shared/errors";

/**
 * What an OCI runtime says when it refuses, as an error with a code, a sentence and a hint: the one place
 * where runc's, crun's and runsc's words are understood. All log JSON (`--log-format json`): one object a line
 * with level and msg.
 */
interface Rule {
  pattern: RegExp;
  code: ErrorCode;
  message?: string;
  hint?: string;
}

const rules: Rule[] = [
  {
    pattern:
      /executable file .*not found|error finding executable ".*" in PATH|exec: ".*": stat .*no such file|exec: ".*": .*no such file or directory|exec .*: no such file or directory$/i,
    code: "NOT_FOUND",
    hint: "The command is not in the container's file system, or not in its PATH. Check its spelling, or give its full path.",
  },
  {
    pattern:
      /exec: ".*": permission denied|exec: ".*": is a directory|open executable: permission denied/i,
    code: "PERMISSION_DENIED",
    hint: "The command is there but can't be executed: check its mode bits, and that it is not a directory.",
  },
  {
    pattern: /exec format error/i,
    code: "FAILED_PRECONDITION",
    hint: "The command is built for another processor, or is a script without an interpreter line.",
  },
  {
    pattern: /chdir to cwd|mkdir .*cwd|cwd .*no such file/i,
    code: "NOT_FOUND",
    hint: "The working directory does not exist in the container.",
  },
  {
    pattern: /container.* does not exist|no such container|error opening file .*\/status/i,
    code: "NOT_FOUND",
  },
  {
    pattern: /container.* already exists|with given id already|already in use/i,
    code: "ALREADY_EXISTS",
  },
  {
    pattern: /unable to set memory limit to|memory\.(limit_in_bytes|max).*(busy|invalid)/i,
    code: "FAILED_PRECONDITION",
    hint: "The container uses more memory than that now. Choose a higher limit, or stop something in it first.",
  },
  {
    pattern:
      /memory\.limit_in_bytes|memory\.memsw\.limit_in_bytes|memory\.max|cpu\.cfs|cpuset\.(cpus|mems)|pids\.max|cpu\.max/i,
    code: "INVALID_ARGUMENT",
    hint: "The kernel does not accept this limit.",
  },
  {
    pattern:
      /not paused|not running|is stopped|stopped container|container init still running|already running|not in (created|running) state|cannot (pause|resume|checkpoint|start)|not in created state/i,
    code: "FAILED_PRECONDITION",
  },
  {
    pattern:
      /requires? (cgroup|root|criu)|not supported|not implemented|unknown (command|flag|option)|unrecognized option|rootless .*(cgroup|container)|no such subsystem/i,
    code: "UNIMPLEMENTED",
  },
];

/**
 * `context` is what was tried, as the user knows it (`Container "web" could not be created`), `words` what
 * the runtime said, in its log's JSON or as plain text.
 */
export function ociError(context: string, words: string): AppError {
  const said = runtimeWords(words);
  const text = said || "the runtime gave no reason";
  const rule = rules.find(({ pattern }) => pattern.test(text));
  const code = rule?.code ?? wordsCode(text) ?? "UNKNOWN";
  return new AppError(code, `${context}: ${reason(text)}`, { hint: rule?.hint, output: said });
}

/** The errors of a runtime's log, else its last lines. */
export function runtimeWords(text: string): string {
  const errors: string[] = [];
  const plain: string[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const entry = parseEntry(line);
    if (!entry) plain.push(line);
    else if (entry.level === "error" || entry.level === "fatal") errors.push(entry.msg);
  }
  const chosen = errors.length > 0 ? [...new Set(errors)] : plain.slice(-10);
  return chosen.join("\n").slice(0, 64 * 1024);
}

function parseEntry(line: string): { level: string; msg: string } | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(line) as { level?: unknown; msg?: unknown };
    return typeof value.msg === "string"
      ? { level: typeof value.level === "string" ? value.level : "error", msg: value.msg }
      : undefined;
  } catch {
    return undefined;
  }
}

/** runc puts the path of its own calls before the cause; the last line's cause is what a sentence needs. */
function reason(text: string): string {
  return lastWords(text)
    .replace(/^(runc \w+ failed: )/, "")
    .replace(/^(exec failed: )/, "")
    .replace(/^unable to start container process: /, "")
    .replace(/^error during container init: /, "")
    .trim();
}

/** The text of a runtime's log file; empty when it wrote none. */
export async function readLog(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}
