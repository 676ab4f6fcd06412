import { FolderOpen } from "lucide-react";
import { useState } from "react";
import { shownName } from "#shared/base/file-names";
import type { FileSource } from "#shared/contract/files";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Checkbox, TextField } from "../../components/fields.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { usePickPath } from "../fields/use-pick-path.ts";
import { useRequest } from "../fields/use-request.ts";

/** `path` is what is copied to this machine, or the directory that something of this machine is copied into. */
export interface CopyDialogProps {
  source: FileSource;
  direction: "to-host" | "from-host";
  path: string;
  onClose: () => void;
}

const words = {
  "to-host": {
    title: (name: string) => `Copy ${name} to this machine`,
    description: "Files, directories and links, with their modes and times. They will be yours.",
    label: "Into the directory",
    hint: "A directory of this machine, as its whole path",
    placeholder: "/home/me/from-container",
    pick: "Choose where to copy to",
  },
  "from-host": {
    title: (name: string) => `Copy into ${name}`,
    description:
      "A file or a directory with all that is in it. It will belong to the owner of the directory it is put in.",
    label: "From this machine",
    hint: "A file or a directory, as its whole path",
    placeholder: "/home/me/site",
    pick: "Choose what to copy",
  },
};

/** Copies between a container and a path of this machine, without going through the window. */
export function CopyDialog(props: CopyDialogProps) {
  const { source, direction, path, onClose } = props;
  const client = useClient();
  const [hostPath, setHostPath] = useState("");
  const [overwrite, setOverwrite] = useState(false);
  const text = words[direction];
  const typed = hostPath.trim();
  const problem =
    typed !== "" && !typed.startsWith("/") ? "Give the whole path, from / on" : undefined;
  const pick = usePickPath(text.pick, setHostPath);
  const run = useRequest({
    run: (chosen: string) =>
      direction === "to-host"
        ? client.call("files.copyToHost", { source, path, hostDirectory: chosen, overwrite })
        : client.call("files.copyFromHost", {
            ...{ source, hostPath: chosen, directory: path, overwrite },
          }),
    failure: `${shownName(direction === "to-host" ? path : typed)} was not copied`,
    onDone: ({ path: made }) => notify({ tone: "good", title: `Copied to ${shownName(made)}` }),
    onClose,
  });
  const copy = (): void => {
    if (typed !== "" && !problem && !run.isPending) run.mutate(typed);
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={text.title(shownName(path))}
      description={text.description}
      footer={
        <>
          <Button onClick={onClose}>{run.isPending ? "Close, it goes on" : "Cancel"}</Button>
          <Button
            variant="primary"
            busy={run.isPending}
            disabled={typed === "" || problem !== undefined}
            onClick={copy}
          >
            Copy
          </Button>
        </>
      }
    >
      <form
        className="copy-form"
        onSubmit={(event) => {
          event.preventDefault();
          copy();
        }}
      >
        {run.error && <ErrorNote title={run.failure} error={run.error} onDismiss={run.reset} />}
        <TextField
          label={text.label}
          mono
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          placeholder={text.placeholder}
          value={hostPath}
          onChange={setHostPath}
          error={problem}
          hint={text.hint}
          trailing={
            pick && (
              <>
                {direction === "from-host" && (
                  <Button variant="link" onClick={() => pick("file")}>
                    File…
                  </Button>
                )}
                <Button variant="link" icon={FolderOpen} onClick={() => pick("directory")}>
                  {direction === "from-host" ? "Directory…" : "Choose…"}
                </Button>
              </>
            )
          }
        />
        <Checkbox
          checked={overwrite}
          onChange={setOverwrite}
          label="Replace what is there already"
          hint="Directories of the same name become one; a file takes another’s place."
        />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
