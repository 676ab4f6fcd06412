import { useState } from "react";
import type { Image } from "#shared/contract/images";
import { TextField } from "../../components/fields.tsx";
import { plural } from "../../components/format.ts";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { type ImportSource, openOverlay } from "../../state/overlays.ts";
import { PathField } from "../fields/path-field.tsx";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";
import { nameFromPath } from "./name-from-path.ts";
import { imageName } from "./reference.ts";

const looks: Record<
  ImportSource,
  { option: string; label: string; placeholder: string; hint: string; description: string }
> = {
  archive: {
    option: "Images",
    label: "Archive",
    placeholder: "/srv/images/web.tar",
    hint: "What docker save or podman save wrote, an OCI archive, or the directory of an OCI layout",
    description: "All images of an archive come with their names, layers and settings.",
  },
  tar: {
    option: "Files in a tar",
    label: "Archive",
    placeholder: "/srv/images/alpine.tar.gz",
    hint: "A .tar, also with gzip, xz or zstd, on this machine",
    description: "Makes an image of one layer from a root file system.",
  },
  directory: {
    option: "Files in a directory",
    label: "Directory",
    placeholder: "/srv/rootfs/alpine",
    hint: "The directory that holds bin, etc, usr…",
    description: "Makes an image of one layer from a root file system.",
  },
};

/** Makes images of what lies on this machine: whole ones, or a root file system. */
export function ImportDialog(props: { source: ImportSource }) {
  const client = useClient();
  const [source, setSource] = useState(props.source);
  const [path, setPath] = useState("");
  const [typedName, setName] = useState<string>();
  const name = typedName ?? nameFromPath(path);
  const run = useRequest({
    run: async (input: { path: string; name: string }): Promise<Image[]> => {
      if (source === "archive") return client.call("images.load", { path: input.path });
      const method = source === "tar" ? "images.importTar" : "images.importDirectory";
      return [await client.call(method, input)];
    },
    failure: source === "archive" ? "Nothing was loaded" : "Nothing was imported",
    onDone: (images) => {
      const [first] = images;
      notify({
        tone: "good",
        title:
          images.length === 1 && first
            ? `${imageName(first)} is here`
            : `${plural(images.length, "image")} are here`,
        ...(first
          ? {
              action: {
                label: `Run ${images.length === 1 ? "it" : imageName(first)}`,
                run: () => openOverlay({ kind: "create", imageId: first.id }),
              },
            }
          : {}),
      });
    },
  });
  const { label, placeholder, hint, description } = looks[source];
  return (
    <RequestForm
      title="Load or import"
      description={`${description} The original is not touched, and no longer needed afterwards.`}
      action={source === "archive" ? "Load" : "Import"}
      failure={run.failure}
      fields={["path", "name"]}
      run={run}
      ready={path.startsWith("/") && (source === "archive" || name !== "")}
      onSubmit={() => run.mutate({ path: path.trim(), name: name.trim() })}
      size="medium"
    >
      <SegmentedControl
        label="From"
        value={source}
        onChange={setSource}
        options={(["archive", "tar", "directory"] as const).map((value) => ({
          value,
          label: looks[value].option,
        }))}
      />
      <PathField
        label={label}
        picks={source === "directory" ? "directory" : "file"}
        pickTitle={source === "directory" ? "Choose a root file system" : "Choose an archive"}
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder={placeholder}
        value={path}
        onChange={setPath}
        error={fieldError(run, "path")}
        hint={hint}
      />
      {source !== "archive" && (
        <TextField
          label="Name"
          mono
          placeholder="alpine:3.22"
          value={name}
          onChange={setName}
          error={fieldError(run, "name")}
        />
      )}
    </RequestForm>
  );
}
