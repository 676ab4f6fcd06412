import { useMutation } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Ellipsis, FolderOpen, Layers, PencilLine, Play, Trash2, Upload } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import type { Image } from "#shared/contract/images";
import { Button, IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { count, plural } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { Page } from "../../components/page.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { announce } from "../../components/toast.tsx";
import { useClient } from "../../queries/client.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useImages } from "../../queries/images.ts";
import { openOverlay } from "../../state/overlays.ts";
import { quoteShellWords } from "#shared/base/shell-words";
import "./images.css";

/** Height of a row in px. */
const rowHeight = 34;

export function ImagesPage() {
  const images = useImages();
  const client = useClient();
  const [filter, setFilter] = useState("");
  const starter = useMutation({
    mutationFn: () => client.call("images.ensureStarter", {}),
    onSuccess: ({ name }) => announce(`${name} is ready`),
  });
  const rows = useMemo(
    () =>
      [...images.items.values()]
        .filter(({ name }) => name.toLowerCase().includes(filter.trim().toLowerCase()))
        .sort((a, b) => a.name.localeCompare(b.name)),
    [images, filter],
  );
  const hasStarter = [...images.items.values()].some(({ source }) => source === "starter");
  return (
    <Page
      title="Images"
      tools={
        <>
          <TextField
            className="images__filter"
            label="Filter images"
            hideLabel
            placeholder="Filter"
            value={filter}
            onChange={setFilter}
          />
          {!hasStarter && images.items.size > 0 && (
            <Button busy={starter.isPending} onClick={() => starter.mutate()}>
              Make the starter image
            </Button>
          )}
          <Button
            variant="primary"
            icon={Upload}
            onClick={() => openOverlay({ kind: "import", source: "tar" })}
          >
            Import
          </Button>
        </>
      }
    >
      {starter.error && (
        <ErrorNote
          className="images__error"
          title="The starter image was not made"
          error={starter.error}
          onDismiss={starter.reset}
        />
      )}
      {images.status === "loading" ? null : images.items.size === 0 ? (
        <EmptyState
          icon={Layers}
          title="No images yet"
          actions={
            <>
              <Button variant="primary" busy={starter.isPending} onClick={() => starter.mutate()}>
                Make the starter image
              </Button>
              <Button onClick={() => openOverlay({ kind: "import", source: "tar" })}>
                Import an archive
              </Button>
              <Button onClick={() => openOverlay({ kind: "import", source: "directory" })}>
                Import a directory
              </Button>
            </>
          }
        >
          An image is the file system that a container begins with. The starter image is made from
          this machine's busybox, without a network.
        </EmptyState>
      ) : rows.length === 0 ? (
        <EmptyState
          title="No image matches"
          actions={<Button onClick={() => setFilter("")}>Show all</Button>}
        />
      ) : (
        <ImageTable rows={rows} />
      )}
    </Page>
  );
}

function ImageTable(props: { rows: Image[] }) {
  const { rows } = props;
  const body = useRef<HTMLDivElement>(null);
  // As in the list of containers: the compiler leaves this component alone.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => body.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    measureElement: (element) => element.getBoundingClientRect().height,
    overscan: 8,
  });
  return (
    <div className="images" role="table" aria-label="Images" aria-rowcount={rows.length + 1}>
      <div className="images__head images__cells" role="row" aria-rowindex={1}>
        {["Name", "Command", "Size", "Files", "From", "Made", "Used by"].map((label) => (
          <span
            key={label}
            role="columnheader"
            className={`images__${label.toLowerCase().replace(" ", "-")}`}
          >
            {label}
          </span>
        ))}
      </div>
      <div ref={body} className="images__body" role="presentation">
        <div
          className="images__all"
          role="presentation"
          style={{ height: virtualizer.getTotalSize() }}
        >
          {virtualizer.getVirtualItems().map((item) => {
            const image = rows[item.index];
            return (
              image && (
                <div
                  key={item.key}
                  ref={virtualizer.measureElement}
                  data-index={item.index}
                  role="presentation"
                  className="images__slot"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <ImageRow image={image} rowIndex={item.index + 2} />
                </div>
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

const sources: Record<Image["source"], string> = {
  starter: "this machine's busybox",
  tar: "an archive",
  directory: "a directory",
};

function ImageRow(props: { image: Image; rowIndex: number }) {
  const { image, rowIndex } = props;
  const { id, name, size, files, source, origin, createdAt, usedBy, config } = image;
  const client = useClient();
  const containers = useContainers();
  const [renaming, setRenaming] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const rename = useMutation({
    mutationFn: (next: string) => client.call("images.rename", { id, name: next }),
    onSuccess: () => setRenaming(undefined),
  });
  const remove = useMutation({
    mutationFn: () => client.call("images.delete", { id }),
    onSuccess: () => announce(`${name} deleted`),
  });
  const users = usedBy.map((user) => containers.items.get(user)?.name ?? user.slice(0, 12));
  const run = (): void => openOverlay({ kind: "create", imageId: id });
  const failed = rename.error ?? remove.error;
  return (
    <div role="row" aria-rowindex={rowIndex} className="images__row" onDoubleClick={run}>
      <div className="images__cells">
        <div role="cell" className="images__name">
          {renaming === undefined ? (
            <span className="truncate" title={name}>
              {name}
            </span>
          ) : (
            <form
              onSubmit={(event) => {
                event.preventDefault();
                if (renaming === name) setRenaming(undefined);
                else rename.mutate(renaming);
              }}
            >
              <TextField
                label={`New name of ${name}`}
                hideLabel
                mono
                // oxlint-disable-next-line jsx-a11y/no-autofocus
                autoFocus
                value={renaming}
                onChange={setRenaming}
                onBlur={() => !rename.isPending && setRenaming(undefined)}
                onKeyDown={(event) => event.key === "Escape" && setRenaming(undefined)}
              />
            </form>
          )}
        </div>
        <div role="cell" className="images__command mono truncate muted">
          {quoteShellWords(config.args)}
        </div>
        <div role="cell" className="images__size">
          <ByteCount value={size} />
        </div>
        <div role="cell" className="images__files num muted">
          {count(files)}
        </div>
        <div role="cell" className="images__from truncate muted" title={origin}>
          {sources[source]}
        </div>
        <div role="cell" className="images__made muted">
          <Moment time={createdAt} />
        </div>
        <div
          role="cell"
          className="images__used-by num muted"
          title={users.join(", ") || undefined}
        >
          {users.length === 0 ? <span className="dim">–</span> : plural(users.length, "container")}
        </div>
        <div role="cell" className="images__actions">
          <IconButton size="small" icon={Play} label={`Run ${name}`} onClick={run} />
          <Menu
            entries={[
              { label: "Run…", icon: Play, onSelect: run },
              {
                label: "Browse files…",
                icon: FolderOpen,
                onSelect: () => openOverlay({ kind: "files", source: { kind: "image", id }, name }),
              },
              { label: "Rename", icon: PencilLine, onSelect: () => setRenaming(name) },
              { kind: "separator" },
              {
                label: "Delete…",
                icon: Trash2,
                danger: true,
                disabledReason:
                  users.length > 0 &&
                  `Used by ${users.slice(0, 3).join(", ")}${users.length > 3 ? ` and ${users.length - 3} more` : ""}`,
                onSelect: () => setDeleting(true),
              },
            ]}
          >
            <IconButton size="small" icon={Ellipsis} label={`More for ${name}`} />
          </Menu>
        </div>
      </div>
      {failed && (
        <ErrorNote
          className="images__row-error"
          title={rename.error ? "It keeps its name" : "It was not deleted"}
          error={failed}
          onDismiss={() => {
            rename.reset();
            remove.reset();
          }}
        />
      )}
      {deleting && (
        <ConfirmDialog
          open
          onOpenChange={setDeleting}
          title={`Delete ${name}?`}
          action="Delete"
          onConfirm={() => remove.mutate()}
        >
          <p>
            {count(files)} files, <ByteCount value={size} />. What it was made from (
            <span className="mono">{origin}</span>) stays.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
