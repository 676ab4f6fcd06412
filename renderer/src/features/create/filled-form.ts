import { quoteShellWords } from "#shared/base/shell-words";
import type { RunDraft } from "#shared/run-line/draft";
import { splitVariable } from "../../components/pair-list.tsx";
import { limitFields } from "../container/limit-fields.ts";
import { type CreateForm, pair } from "./form.ts";
import { networkFormOf } from "./network-form.ts";
import { optionsForm } from "./options-form.ts";

/** The form that makes a container as a draft says, with a name and an image of its own. */
export function filledForm(
  draft: RunDraft,
  own: { name: string; imageId: string; start: boolean },
): CreateForm {
  const { entrypoint, args, env, terminal, restart } = draft;
  return {
    ...own,
    entrypoint: entrypoint && quoteShellWords(entrypoint),
    command: args.length > 0 ? quoteShellWords(args) : undefined,
    terminal,
    ...(draft.stdin === undefined ? {} : { stdin: draft.stdin }),
    env: env.map((entry) => pair(...splitVariable(entry))),
    cwd: draft.cwd,
    user: draft.user,
    hostname: draft.hostname ?? "",
    limits: limitFields(draft.limits),
    restart: restart.name,
    retries: restart.maximumRetries === undefined ? "" : String(restart.maximumRetries),
    network: networkFormOf(draft),
    options: optionsForm(draft),
    labels: Object.entries(draft.labels).map(([key, value]) => pair(key, value)),
    runtime: draft.runtime ?? "",
    shimGroup: draft.shimGroup ?? "",
  };
}
