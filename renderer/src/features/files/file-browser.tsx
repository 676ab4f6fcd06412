import { FileDiff, FolderDown, FolderPlus, Upload } from "lucide-react";
import { type DragEvent, useMemo, useRef, useState } from "react";
import { joinPath, shownName, splitPath } from "#shared/base/file-names";
import type { FileChange, FileEntry, FileSource } from "#shared/contract/files";
import { Button, IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { bytes, joined } from "../../components/format.ts";
import { Progress } from "../../components/spinner.tsx";
import { notify } from "../../components/notices.ts";
import { useFileActions, useReadOnlyReason } from "../../queries/files.ts";
import { goToDirectory, useDirectory } from "../../state/places.ts";
import { ChangeList } from "./change-list.tsx";
import { CopyDialog } from "./copy-dialog.tsx";
import { DeleteFileDialog, NewDirectoryDialog, ReplaceDialog } from "./file-dialogs.tsx";
import { DirectoryView } from "./directory-view.tsx";
import { fileMenu } from "./file-menu.ts";
import { isDirectory, isReadable, typeNames } from "./file-view.ts";
import { PathBar } from "./path-bar.tsx";
import { TextViewer } from "./text-viewer.tsx";
import { type Transfer, useTransfers } from "./use-transfers.ts";
import "./files.css";

type Asking =
  | { kind: "delete"; entry: FileEntry }
  | { kind: "directory" }
  | { kind: "copy"; direction: "to-host" | "from-host"; path: string };

/** The files of a container or an image: looked through as in a file manager. */
export function FileBrowser(props: { source: FileSource }) {
  const { kind, id } = props.source;
  return <Browser key={`${kind} ${id}`} source={props.source} />;
}

function Browser(props: { source: FileSource }) {
  const { kind, id } = props.source;
  // The same object for as long as it means the same: streams are opened anew for another.
  const source = useMemo((): FileSource => ({ kind, id }), [kind, id]);
  const readOnly = useReadOnlyReason(source);
  const actions = useFileActions(source);
  const transfers = useTransfers(source);
  const picker = useRef<HTMLInputElement>(null);
  /** Where one is, as it was asked for; the list says its path without links. */
  const path = useDirectory(source);
  const [here, setHere] = useState(path);
  const [selected, setSelected] = useState<string>();
  const [opened, setOpened] = useState<string>();
  const [changed, setChanged] = useState(false);
  const [typing, setTyping] = useState(false);
  const [renaming, setRenaming] = useState<string>();
  const [asking, setAsking] = useState<Asking>();
  const [dropping, setDropping] = useState(false);

  const go = (to: string, select?: string): void => {
    goToDirectory(source, to);
    setHere(to);
    setSelected(select);
    setOpened(undefined);
    setChanged(false);
    setRenaming(undefined);
  };
  const up = (): void => {
    const { directory, name } = splitPath(here);
    if (here !== "/") go(directory, name);
  };
  const pathOf = (entry: FileEntry): string => joinPath(here, entry.name);
  const download = (entry: FileEntry): void =>
    transfers.download(pathOf(entry), { directory: isDirectory(entry), size: entry.size });
  const open = (entry: FileEntry): void => {
    if (isDirectory(entry)) go(pathOf(entry));
    else if (isReadable(entry)) setOpened(pathOf(entry));
    else {
      const what = entry.type === "symlink" ? "leads nowhere" : `is a ${typeNames[entry.type]}`;
      notify({ tone: "info", title: `${shownName(entry.name)} ${what}: it can’t be opened` });
    }
  };
  const rename = (entry: FileEntry, name: string): void =>
    actions.rename.mutate(
      { path: pathOf(entry), to: joinPath(here, name) },
      {
        onSuccess: () => setSelected(name),
        onError: (error) =>
          notify({ tone: "bad", title: `${shownName(entry.name)} keeps its name`, error }),
      },
    );
  const upload = (files: FileList | null): void => {
    if (files && files.length > 0) transfers.upload([...files], here);
  };
  const menu = (entry: FileEntry | undefined) =>
    fileMenu(entry, {
      readOnly,
      open,
      download,
      rename: ({ name }) => setRenaming(name),
      remove: (entry) => setAsking({ kind: "delete", entry }),
      copyOut: (entry) => setAsking({ kind: "copy", direction: "to-host", path: pathOf(entry) }),
      copyIn: () => setAsking({ kind: "copy", direction: "from-host", path: here }),
      upload: () => picker.current?.click(),
      makeDirectory: () => setAsking({ kind: "directory" }),
      path: here,
    });

  if (opened !== undefined) {
    return (
      <div className="files">
        <TextViewer
          key={opened}
          source={source}
          path={opened}
          onClose={() => setOpened(undefined)}
          onDownload={() => transfers.download(opened, { directory: false })}
        />
        {transfers.transfer && <TransferLine transfer={transfers.transfer} />}
      </div>
    );
  }
  const dragging = (event: DragEvent): boolean => event.dataTransfer.types.includes("Files");
  return (
    <section
      className={cx("files", dropping && "files--dropping")}
      aria-label="Files"
      onKeyDown={(event) => {
        if (!event.ctrlKey || event.altKey || event.code !== "KeyL" || changed) return;
        event.preventDefault();
        setTyping(true);
      }}
      onDragOver={(event) => {
        if (!dragging(event) || changed) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = readOnly ? "none" : "copy";
        setDropping(!readOnly);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setDropping(false);
      }}
      onDrop={(event) => {
        setDropping(false);
        if (!dragging(event)) return;
        event.preventDefault();
        if (!readOnly) upload(event.dataTransfer.files);
      }}
    >
      <div className="files__bar">
        {changed ? (
          <h3 className="files__title truncate">Changed since the image</h3>
        ) : (
          <PathBar path={here} typing={typing} onTyping={setTyping} onGo={(to) => go(to)} />
        )}
        {!changed && (
          <>
            <IconButton
              size="small"
              icon={Upload}
              label="Upload files"
              disabledReason={readOnly}
              onClick={() => picker.current?.click()}
            />
            <IconButton
              size="small"
              icon={FolderPlus}
              label="New directory"
              disabledReason={readOnly}
              onClick={() => setAsking({ kind: "directory" })}
            />
            <IconButton
              size="small"
              icon={FolderDown}
              label="Copy from this machine"
              disabledReason={readOnly}
              onClick={() => setAsking({ kind: "copy", direction: "from-host", path: here })}
            />
          </>
        )}
        <IconButton
          size="small"
          icon={FileDiff}
          label="Changed files"
          pressed={changed}
          disabledReason={
            kind !== "container" &&
            `${kind === "image" ? "An image" : "A volume"} has no changes: containers have`
          }
          onClick={() => setChanged(!changed)}
        />
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(event) => {
            upload(event.target.files);
            // The same file may be chosen again.
            event.target.value = "";
          }}
        />
      </div>
      {changed ? (
        <ChangeList source={source} onShow={(change) => showChange(change, go)} />
      ) : (
        <DirectoryView
          {...{ source, path, selected, renaming, menu, open, up, rename }}
          onPath={setHere}
          onSelect={setSelected}
          onRenaming={(name) => {
            if (name === undefined || !readOnly) setRenaming(name);
            else notify({ tone: "info", title: readOnly });
          }}
          onDelete={(entry) => {
            if (readOnly) notify({ tone: "info", title: readOnly });
            else setAsking({ kind: "delete", entry });
          }}
        />
      )}
      {transfers.transfer && <TransferLine transfer={transfers.transfer} />}
      {asking?.kind === "delete" && (
        <DeleteFileDialog
          entry={asking.entry}
          path={pathOf(asking.entry)}
          remove={actions.remove}
          onClose={() => setAsking(undefined)}
        />
      )}
      {asking?.kind === "directory" && (
        <NewDirectoryDialog
          directory={here}
          make={actions.makeDirectory}
          onMade={setSelected}
          onClose={() => setAsking(undefined)}
        />
      )}
      {asking?.kind === "copy" && (
        <CopyDialog source={source} {...asking} onClose={() => setAsking(undefined)} />
      )}
      {transfers.conflict && (
        <ReplaceDialog
          key={transfers.conflict.key}
          name={transfers.conflict.file.name}
          onAnswer={transfers.settle}
        />
      )}
    </section>
  );
}

/** Of what was deleted, the directory in which it was. */
function showChange(change: FileChange, go: (path: string, select?: string) => void): void {
  const { directory, name } = splitPath(change.path);
  go(directory, change.change === "deleted" ? undefined : name);
}

function TransferLine(props: { transfer: Transfer }) {
  const { title, bytes: done, size, cancel } = props.transfer;
  const part = size === undefined || size === 0 ? undefined : done / size;
  return (
    <div className="files__transfer">
      <span className="truncate">{title}</span>
      <Progress value={part} label={title} />
      <span className="num muted">
        {joined(bytes(done))}
        {size !== undefined && ` of ${joined(bytes(size))}`}
      </span>
      <Button variant="link" onClick={cancel}>
        Cancel
      </Button>
    </div>
  );
}
