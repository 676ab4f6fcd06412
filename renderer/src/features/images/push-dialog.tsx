import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { Select } from "../../components/fields.tsx";
import { useImageActions } from "../../queries/image-actions.ts";
import { useImage } from "../../queries/images.ts";
import { useRegistry } from "../../queries/registries.ts";
import { closeOverlay, openOverlay } from "../../state/overlays.ts";
import { notRunning, RequestForm } from "../fields/request-form.tsx";
import { imageName, registryOf } from "./reference.ts";

/** Under which name, to which registry, as whom. It then goes on at the top of the list. */
export function PushDialog(props: { id: string }) {
  const { id } = props;
  const image = useImage(id);
  const actions = useImageActions();
  const [chosen, setChosen] = useState<string>();
  const names = image?.names ?? [];
  const name = chosen ?? names[0] ?? "";
  const host = registryOf(name);
  const user = useRegistry(host)?.user;
  return (
    <RequestForm
      title={`Push ${image ? imageName(image) : "the image"}`}
      action="Push"
      failure="Nothing was pushed"
      fields={[]}
      run={notRunning}
      ready={name !== ""}
      onSubmit={() => {
        closeOverlay();
        void actions.push(name);
      }}
    >
      <Select
        label="As"
        value={name}
        onChange={setChosen}
        options={names.map((each) => ({ value: each, label: each }))}
        aside={
          <Button variant="link" onClick={() => openOverlay({ kind: "tag", id })}>
            Another name…
          </Button>
        }
      />
      <p className="request-form__goes muted">
        Goes to <b>{host}</b>
        {user === undefined ? (
          <>
            , without signing in.{" "}
            <Button variant="link" onClick={() => openOverlay({ kind: "sign-in", host })}>
              Sign in…
            </Button>
          </>
        ) : (
          <> as {user}.</>
        )}
      </p>
    </RequestForm>
  );
}
