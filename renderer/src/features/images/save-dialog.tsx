import { useState } from "react";
import { plural } from "../../components/format.ts";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useImages } from "../../queries/images.ts";
import { PathField } from "../fields/path-field.tsx";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";
import { fileFromName } from "./name-from-path.ts";
import { imageName } from "./reference.ts";

type Format = "docker-archive" | "oci-archive";

const formats: Record<Format, string> = {
  "docker-archive": "docker load and podman load read it.",
  "oci-archive":
    "As the OCI image layout has it; podman and skopeo read it, and docker from 25 on.",
};

/** Writes images into one archive on this machine. */
export function SaveDialog(props: { ids: readonly string[] }) {
  const client = useClient();
  const { items } = useImages();
  const images = props.ids.flatMap((id) => items.get(id) ?? []);
  const [first] = images;
  const what = images.length === 1 && first ? imageName(first) : plural(images.length, "image");
  const file = first && images.length === 1 ? fileFromName(imageName(first)) : "images.tar";
  const [path, setPath] = useState("");
  const [format, setFormat] = useState<Format>("docker-archive");
  const run = useRequest({
    // By name where there is one, so that it has it again when it is loaded.
    run: (to: string) =>
      client.call("images.save", {
        images: images.flatMap(({ id, names }) => (names.length > 0 ? names : [id])),
        path: to,
        format,
      }),
    failure: "Nothing was saved",
    onDone: (_, to) => notify({ tone: "good", title: `${what} saved to ${to}` }),
  });
  return (
    <RequestForm
      title={`Save ${what}`}
      action="Save"
      failure={run.failure}
      fields={["path"]}
      run={run}
      ready={path.startsWith("/") && images.length > 0}
      onSubmit={() => run.mutate(path.trim())}
    >
      <PathField
        label="Archive to write"
        picks="directory"
        pickTitle="Where to write the archive"
        fromPicked={(directory) => `${directory.replace(/\/$/, "")}/${file}`}
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder={`/srv/images/${file}`}
        value={path}
        onChange={(next) => {
          setPath(next);
          if (run.error) run.reset();
        }}
        error={fieldError(run, "path")}
        hint="On this machine; it must not be there yet"
      />
      <div className="request-form__choice">
        <SegmentedControl
          label="Format"
          value={format}
          onChange={setFormat}
          options={[
            { value: "docker-archive", label: "Docker archive" },
            { value: "oci-archive", label: "OCI archive" },
          ]}
        />
        <p className="field__hint">{formats[format]}</p>
      </div>
    </RequestForm>
  );
}
