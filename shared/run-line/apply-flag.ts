import type { z } from "zod";
import { AppError } from "../errors.ts";
import { RunDraft } from "./draft.ts";
import type { Flag, Program } from "./flag.ts";

export type Applied = { ok: true; draft: RunDraft } | { ok: false; message: string };

/** What a flag changes is held to the contract at once, so that its fault is told of the flag. */
const Change = RunDraft.partial();

/** A draft with a flag's value in it, or why it can't have it. */
export function applyFlag(
  flag: Flag,
  value: string,
  draft: RunDraft,
  program: Program = "docker",
): Applied {
  if ("reason" in flag) return { ok: false, message: flag.reason };
  try {
    const checked = Change.safeParse(flag.change(value, draft, program));
    if (checked.success) return { ok: true, draft: { ...draft, ...checked.data } };
    return { ok: false, message: firstRule(checked.error) };
  } catch (error) {
    return { ok: false, message: AppError.from(error).message };
  }
}

/** The first rule that was broken: of a record's key and of the last of several forms the inner one. */
function firstRule(error: { issues: readonly z.core.$ZodIssue[] }): string {
  const [issue] = error.issues;
  if (issue?.code === "invalid_key") return firstRule(issue);
  const form =
    issue?.code === "invalid_union" ? issue.errors.findLast(({ length }) => length > 0) : undefined;
  return form ? firstRule({ issues: form }) : (issue?.message ?? "It is not valid");
}
