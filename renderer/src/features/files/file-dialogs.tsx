import type { UseMutationResult } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { fileNameProblem, joinPath, shownName } from "#shared/base/file-names";
import type { FileEntry } from "#shared/contract/files";
import { Button } from "../../components/button.tsx";
import { ConfirmDialog, Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { announce, notify } from "../../components/notices.ts";

type Action = UseMutationResult<unknown, Error, string>;

/** Asks before a file, or a directory with all in it, is deleted. */
export function DeleteFileDialog(props: {
  entry: FileEntry;
  path: string;
  remove: Action;
  onClose: () => void;
}) {
  const { entry, path, remove, onClose } = props;
  const name = shownName(entry.name);
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Delete ${name}?`}
      action="Delete"
      onConfirm={() =>
        remove.mutate(path, {
          onSuccess: () => announce(`${name} was deleted`),
          onError: (error) => notify({ tone: "bad", title: `${name} was not deleted`, error }),
        })
      }
    >
      <p>
        <span className="mono">{shownName(path)}</span>
        {entry.type === "directory" ? " and all that is in it are" : " is"} gone for good then.
        {entry.type === "symlink" && " What it points to stays."}
      </p>
    </ConfirmDialog>
  );
}

/** Asks before an uploaded file takes another's place. Another file is another question: give it a key. */
export function ReplaceDialog(props: { name: string; onAnswer: (replace: boolean) => void }) {
  const { name, onAnswer } = props;
  const [open, setOpen] = useState(true);
  const answered = useRef(false);
  const answer = (replace: boolean): void => {
    if (answered.current) return;
    answered.current = true;
    onAnswer(replace);
  };
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        // Closed by either button: the one that confirms says so right after.
        if (!next) setTimeout(() => answer(false), 0);
      }}
      title={`Replace ${shownName(name)}?`}
      action="Replace"
      onConfirm={() => answer(true)}
    >
      <p>There is one already. Its content is lost; its owner and mode stay.</p>
    </ConfirmDialog>
  );
}

export function NewDirectoryDialog(props: {
  directory: string;
  make: Action;
  onMade: (name: string) => void;
  onClose: () => void;
}) {
  const { directory, make, onMade, onClose } = props;
  const [name, setName] = useState("");
  const problem = name === "" ? undefined : fileNameProblem(name);
  const submit = (): void => {
    if (name === "" || problem || make.isPending) return;
    make.mutate(joinPath(directory, name), {
      onSuccess: () => {
        onMade(name);
        onClose();
      },
    });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (open) return;
        make.reset();
        onClose();
      }}
      title="New directory"
      description={
        <>
          In <span className="mono">{shownName(directory)}</span>, and of its owner
        </>
      }
      size="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            busy={make.isPending}
            disabled={name === "" || problem !== undefined}
            onClick={submit}
          >
            Make
          </Button>
        </>
      }
    >
      <form
        className="copy-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {make.error && <ErrorNote title="It was not made" error={make.error} />}
        <TextField
          label="Name"
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          value={name}
          onChange={setName}
          error={problem}
        />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
