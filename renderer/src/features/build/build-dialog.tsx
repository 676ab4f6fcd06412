import { useState } from "react";
import { Checkbox, TextField } from "../../components/fields.tsx";
import { sentence } from "../../components/error-note.tsx";
import { useStartBuild } from "../../queries/builds.ts";
import { useBuilder } from "../../queries/images.ts";
import type { BuildRequest } from "../../state/builds.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { type Pair, pair } from "../create/form.ts";
import { PairsEditor } from "../create/pairs-editor.tsx";
import { PathField } from "../fields/path-field.tsx";
import { notRunning, RequestForm } from "../fields/request-form.tsx";
import { nameFromPath } from "../images/name-from-path.ts";

/** What a build needs; it then goes on in the dock. `again`: what an earlier one was asked. */
export function BuildDialog(props: { again?: BuildRequest | undefined }) {
  const { again } = props;
  const builder = useBuilder();
  const start = useStartBuild();
  const [context, setContext] = useState(again?.context ?? "");
  const [dockerfile, setDockerfile] = useState(again?.dockerfile ?? "");
  const [target, setTarget] = useState(again?.target ?? "");
  const [typedName, setName] = useState<string | undefined>(again?.name);
  const [args, setArgs] = useState<Pair[]>(() =>
    Object.entries(again?.args ?? {}).map(([key, value]) => pair(key, value)),
  );
  const [noCache, setNoCache] = useState(again?.noCache ?? false);
  const name = typedName ?? nameFromPath(context);
  const given = args.filter(({ key, value }) => key !== "" || value !== "");
  const nameless = given.some(({ key }) => key === "");
  return (
    <RequestForm
      title="Build an image"
      description={
        builder?.tool === undefined
          ? undefined
          : `With ${builder.tool} ${builder.version ?? ""}. It goes on in the dock.`
      }
      action="Build"
      failure="Nothing was built"
      fields={[]}
      run={notRunning}
      ready={context.startsWith("/") && name.trim() !== "" && !nameless}
      disabledReason={builder?.reason && sentence(builder.reason)}
      onSubmit={() => {
        closeOverlay();
        start({
          context: context.trim(),
          dockerfile: dockerfile.trim() || undefined,
          target: target.trim() || undefined,
          args: Object.fromEntries(given.map(({ key, value }) => [key, value])),
          name: name.trim(),
          noCache,
        });
      }}
      size="medium"
    >
      <PathField
        label="Context"
        picks="directory"
        pickTitle="Choose the directory to build from"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder="/home/mara/src/web"
        value={context}
        onChange={setContext}
        hint="The directory whose files the Dockerfile may copy"
      />
      <div className="request-form__two">
        <TextField
          label="Dockerfile"
          mono
          placeholder="Dockerfile"
          value={dockerfile}
          onChange={setDockerfile}
          hint="Within the context"
        />
        <TextField
          label="Target"
          mono
          placeholder="the last stage"
          value={target}
          onChange={setTarget}
          hint="A stage of the Dockerfile"
        />
      </div>
      <TextField label="Name" mono placeholder="web:dev" value={name} onChange={setName} />
      <PairsEditor
        label="Build arguments"
        keyLabel="Argument"
        add="Add an argument, or paste KEY=VALUE lines"
        pairs={args}
        onChange={setArgs}
        error={nameless ? "An argument has no name" : undefined}
      />
      <Checkbox
        checked={noCache}
        onChange={setNoCache}
        label="Without the cache"
        hint="Every step is run again."
      />
    </RequestForm>
  );
}
