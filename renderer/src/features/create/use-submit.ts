import type { ContainerConfig } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";
import { errorInfo, sentence } from "../../components/error-note.tsx";
import { announce, notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { inspect } from "../../state/selection.ts";
import { useRequest } from "../fields/use-request.ts";
import { changesOf } from "./edit-changes.ts";
import type { EditTarget, EditWishes } from "./edit-plan.tsx";
import { fieldOf, type FormErrors } from "./form.ts";

export interface Submitted {
  config: ContainerConfig;
  start: boolean;
  wishes: EditWishes;
}

/** What came of it: the container that is there now, and how that is told. */
interface Outcome {
  id: string;
  said: string;
  warnings: readonly string[];
}

/** Makes the container, or changes the one that is edited. `onRefused` gets what was wrong, by field. */
export function useSubmit(edit: EditTarget | undefined, onRefused: (errors: FormErrors) => void) {
  const client = useClient();
  return useRequest<Submitted, Outcome>({
    run: (submitted) => (edit ? change(client, edit, submitted) : create(client, submitted)),
    failure: edit ? `${edit.config.name} was not changed` : "Nothing was created",
    onDone: ({ id, said, warnings }, { config: { name } }, left) => {
      if (left) {
        notify({ tone: "good", title: said, action: { label: "Show it", run: () => inspect(id) } });
      } else {
        inspect(id);
        announce(said);
      }
      for (const warning of warnings)
        notify({ tone: "info", title: `${name}: ${sentence(warning)}` });
    },
    onFailed: (error) => {
      const { message, details } = errorInfo(error);
      const field = fieldOf(details.field);
      if (field) onRefused({ [field]: details.output ? undefined : message });
    },
  });
}

async function create(client: Client<AppContract>, { config, start }: Submitted): Promise<Outcome> {
  const { id, warnings } = await client.call("containers.create", { config, start });
  return { id, warnings, said: `${config.name} ${start ? "created and started" : "created"}` };
}

async function change(
  client: Client<AppContract>,
  { container: { id }, config: before }: EditTarget,
  { config, wishes }: Submitted,
): Promise<Outcome> {
  if (changesOf(before, config).kind === "anew") {
    const made = await client.call("containers.recreate", { id, config, ...wishes });
    return { ...made, said: `${config.name} re-created` };
  }
  const { name, limits, restart } = config;
  // What is not different is let be: its call would ask for what a runtime may not be able to do.
  const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);
  if (differs(limits, before.limits)) await client.call("containers.updateLimits", { id, limits });
  if (differs(restart, before.restart)) {
    await client.call("containers.updateRestart", { id, restart });
  }
  if (name !== before.name) await client.call("containers.rename", { id, name });
  return { id, said: `${name} changed`, warnings: [] };
}
