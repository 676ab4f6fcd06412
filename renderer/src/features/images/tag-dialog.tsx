import { useState } from "react";
import { TextField } from "../../components/fields.tsx";
import { announce } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useImage, useImages } from "../../queries/images.ts";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";
import { imageName, splitReference } from "./reference.ts";

/** One more name for an image, said to whom it belongs now. */
export function TagDialog(props: { id: string }) {
  const { id } = props;
  const client = useClient();
  const image = useImage(id);
  const { items } = useImages();
  const [name, setName] = useState(() => splitReference(image?.names[0] ?? "").repository);
  const run = useRequest({
    run: (next: string) => client.call("images.tag", { id, name: next }),
    failure: "No name was added",
    onDone: (_, next) => announce(`${next} added`),
  });
  const wanted = name.trim();
  const full = splitReference(wanted).tag === "" ? `${wanted}:latest` : wanted;
  const owner = [...items.values()].find(({ names }) => names.includes(full));
  const has = owner?.id === id;
  return (
    <RequestForm
      title={`Tag ${image ? imageName(image) : "the image"}`}
      action="Tag"
      failure={run.failure}
      fields={["name"]}
      run={run}
      ready={wanted !== ""}
      disabledReason={has && "It has this name already"}
      onSubmit={() => run.mutate(wanted)}
    >
      <TextField
        label="Name"
        mono
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder="registry.example/name:tag"
        value={name}
        onChange={(next) => {
          setName(next);
          if (run.error) run.reset();
        }}
        error={fieldError(run, "name")}
        hint={
          has
            ? "It has this name already"
            : owner
              ? `${full} is another image’s name now; that one loses it`
              : wanted !== "" && full !== wanted
                ? `Without a tag it is ${full}`
                : "Begin with a registry to push it there"
        }
      />
    </RequestForm>
  );
}
