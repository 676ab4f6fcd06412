import { useMutation } from "@tanstack/react-query";
import { FolderOpen } from "lucide-react";
import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { errorInfo, ErrorNote } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { notify } from "../../components/toast.tsx";
import { useClient } from "../../queries/client.tsx";
import { useHost } from "../../queries/system.ts";
import { closeOverlay, openOverlay } from "../../state/overlays.ts";
import { nameFromPath } from "./name-from-path.ts";

/** Makes an image of a root file system that lies on this machine. */
export function ImportDialog(props: { source: "tar" | "directory" }) {
  const client = useClient();
  const host = useHost();
  const [source, setSource] = useState(props.source);
  const [path, setPath] = useState("");
  const [typedName, setName] = useState<string>();
  const name = typedName ?? nameFromPath(path);
  const run = useMutation({
    mutationFn: (input: { path: string; name: string }) =>
      source === "tar"
        ? client.call("images.importTar", input)
        : client.call("images.importDirectory", input),
    onSuccess: ({ id, name }) => {
      closeOverlay();
      notify({
        tone: "good",
        title: `${name} is imported`,
        action: { label: "Run it", run: () => openOverlay({ kind: "create", imageId: id }) },
      });
    },
  });
  const pick = useMutation({
    mutationFn: () =>
      client.call("system.pickPath", {
        kind: source === "tar" ? "file" : "directory",
        title: source === "tar" ? "Choose a root file system archive" : "Choose a root file system",
      }),
    onSuccess: ({ path }) => path !== null && setPath(path),
  });
  const failure = run.error ? errorInfo(run.error) : undefined;
  const at = failure?.details.output ? undefined : failure?.details.field;
  const ready = path.startsWith("/") && name !== "";
  const submit = (): void => {
    if (ready && !run.isPending) run.mutate({ path: path.trim(), name: name.trim() });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title="Import an image"
      description="A root file system that is already on this machine. It is copied: the original is not touched, and no longer needed afterwards."
      footer={
        <>
          <Button onClick={closeOverlay}>{run.isPending ? "Close, it goes on" : "Cancel"}</Button>
          <Button variant="primary" busy={run.isPending} disabled={!ready} onClick={submit}>
            Import
          </Button>
        </>
      }
    >
      <form
        className="import"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {failure && at === undefined && (
          <ErrorNote title="Nothing was imported" error={failure} onDismiss={run.reset} />
        )}
        <SegmentedControl
          label="From"
          value={source}
          onChange={setSource}
          options={[
            { value: "tar", label: "An archive" },
            { value: "directory", label: "A directory" },
          ]}
        />
        <TextField
          label={source === "tar" ? "Archive" : "Directory"}
          mono
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          placeholder={source === "tar" ? "/srv/images/alpine.tar.gz" : "/srv/rootfs/alpine"}
          value={path}
          onChange={setPath}
          error={
            at === "path"
              ? failure?.message
              : path !== "" && !path.startsWith("/")
                ? "Give the whole path, from / on"
                : undefined
          }
          hint={
            source === "tar"
              ? "A .tar, also with gzip, xz or zstd, on this machine"
              : "The directory that holds bin, etc, usr…"
          }
          trailing={
            host?.pickPath && (
              <Button variant="link" icon={FolderOpen} onClick={() => pick.mutate()}>
                Choose…
              </Button>
            )
          }
        />
        <TextField
          label="Name"
          mono
          placeholder="alpine:3.22"
          value={name}
          onChange={setName}
          error={at === "name" ? failure?.message : undefined}
        />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
