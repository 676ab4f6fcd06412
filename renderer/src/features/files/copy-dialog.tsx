import { useMutation } from "@tanstack/react-query";
import { FolderOpen } from "lucide-react";
import { useState } from "react";
import { shownName } from "#shared/base/file-names";
import type { FileSource } from "#shared/contract/files";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { errorInfo, ErrorNote } from "../../components/error-note.tsx";
import { Checkbox, TextField } from "../../components/fields.tsx";
import { notify } from "../../components/notices.ts";
import { useShell } from "../../queries/client.tsx";
import { useCopyFromHost, useCopyToHost } from "../../queries/files.ts";
import { useHost } from "../../queries/system.ts";

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
    failed: "It was not copied",
  },
  "from-host": {
    title: (name: string) => `Copy into ${name}`,
    description:
      "A file or a directory with all that is in it. It will belong to the owner of the directory it is put in.",
    label: "From this machine",
    hint: "A file or a directory, as its whole path",
    placeholder: "/home/me/site",
    pick: "Choose what to copy",
    failed: "It was not copied",
  },
};

/** Copies between a container and a path of this machine, without going through the window. */
export function CopyDialog(props: CopyDialogProps) {
  const { source, direction, path, onClose } = props;
  const host = useHost();
  const shell = useShell();
  const toHost = useCopyToHost(source);
  const fromHost = useCopyFromHost(source);
  const run = direction === "to-host" ? toHost : fromHost;
  const [hostPath, setHostPath] = useState("");
  const [overwrite, setOverwrite] = useState(false);
  const text = words[direction];
  const typed = hostPath.trim();
  const problem =
    typed !== "" && !typed.startsWith("/") ? "Give the whole path, from / on" : undefined;
  const pick = useMutation({
    mutationFn: (kind: "file" | "directory") =>
      shell.call("shell.pickPath", { kind, title: text.pick }),
    onSuccess: ({ path: picked }) => picked !== null && setHostPath(picked),
  });
  const failure = run.error ? errorInfo(run.error) : undefined;
  const copy = (): void => {
    if (typed === "" || problem || run.isPending) return;
    const done = ({ path: made }: { path: string }): void => {
      notify({ tone: "good", title: `Copied to ${shownName(made)}` });
      onClose();
    };
    if (direction === "to-host") {
      toHost.mutate({ path, hostDirectory: typed, overwrite }, { onSuccess: done });
    } else {
      fromHost.mutate({ hostPath: typed, directory: path, overwrite }, { onSuccess: done });
    }
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
        {failure && <ErrorNote title={text.failed} error={failure} onDismiss={run.reset} />}
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
            host?.pickPath && (
              <>
                {direction === "from-host" && (
                  <Button variant="link" onClick={() => pick.mutate("file")}>
                    File…
                  </Button>
                )}
                <Button variant="link" icon={FolderOpen} onClick={() => pick.mutate("directory")}>
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
