import { FolderOpen } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { shownName } from "#shared/base/file-names";
import type { FileEntry, FileSource } from "#shared/contract/files";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote, Notice } from "../../components/error-note.tsx";
import { bytes, count, joined, plural } from "../../components/format.ts";
import { ContextMenu, type MenuEntry } from "../../components/menu.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { type Listing, useListing } from "../../queries/files.ts";
import { FileTable, useFocusWhenFree } from "./file-table.tsx";
import { isDirectory, type Sort, sortEntries } from "./file-view.ts";

export interface DirectoryViewProps {
  source: FileSource;
  path: string;
  /** The directory's path without links, once it is known. */
  onPath: (path: string) => void;
  selected: string | undefined;
  onSelect: (name: string) => void;
  renaming: string | undefined;
  onRenaming: (name: string | undefined) => void;
  rename: (entry: FileEntry, name: string) => void;
  open: (entry: FileEntry) => void;
  up: () => void;
  onDelete: (entry: FileEntry) => void;
  menu: (entry: FileEntry | undefined) => MenuEntry[];
}

/** What is in one directory, kept current. */
export function DirectoryView(props: DirectoryViewProps) {
  const { source, path, onPath, onSelect, onRenaming, rename, open, up, onDelete } = props;
  const listing = useListing(source, path);
  const [sort, setSort] = useState<Sort>({ key: "name", descending: false });
  const rows = useMemo(() => sortEntries(listing.entries, sort), [listing.entries, sort]);
  const known = listing.complete || listing.entries.length > 0;
  useEffect(() => {
    if (known) onPath(listing.path);
  }, [known, listing.path, onPath]);
  const name = shownName(listing.path);
  if (listing.error) {
    return (
      <ErrorNote
        className="files__note"
        title="These files can’t be shown"
        error={listing.error}
        actions={
          <>
            <Button onClick={listing.retry}>Try again</Button>
            {path !== "/" && <Button onClick={up}>Go up</Button>}
          </>
        }
      />
    );
  }
  return (
    <>
      {listing.limited && (
        <Notice className="files__note">
          It has more: the first {count(listing.entries.length)} are listed, as they are now.
        </Notice>
      )}
      {listing.complete && rows.length === 0 ? (
        <Nothing name={name} onUp={up} menu={() => props.menu(undefined)} />
      ) : (
        <FileTable
          label={`Files in ${name}`}
          {...{ rows, sort, onSelect, onRenaming, onDelete }}
          onSort={setSort}
          selected={props.selected}
          renaming={props.renaming}
          menu={props.menu}
          onOpen={open}
          onUp={up}
          onRename={rename}
        />
      )}
      <footer className="files__foot muted num" aria-live="polite">
        {!listing.complete && <Spinner size={12} />}
        {facts(listing)}
      </footer>
    </>
  );
}

function Nothing(props: { name: string; onUp: () => void; menu: () => MenuEntry[] }) {
  const { name, onUp, menu } = props;
  const element = useRef<HTMLDivElement>(null);
  useFocusWhenFree(element);
  return (
    <ContextMenu entries={menu}>
      <div
        ref={element}
        className="files__empty"
        tabIndex={-1}
        onKeyDown={(event) => {
          if (event.key !== "Backspace" || event.target !== event.currentTarget) return;
          event.preventDefault();
          onUp();
        }}
      >
        <EmptyState icon={FolderOpen} title="Nothing in here">
          {name} is empty.
        </EmptyState>
      </div>
    </ContextMenu>
  );
}

function facts({ entries, complete }: Listing): string {
  if (!complete) return entries.length === 0 ? "Reading" : `${count(entries.length)} so far`;
  const directories = entries.filter(isDirectory).length;
  const files = entries.filter(({ type }) => type === "file");
  const size = files.reduce((sum, entry) => sum + entry.size, 0);
  const others = entries.length - directories - files.length;
  const parts = [];
  if (directories > 0) parts.push(plural(directories, "directory", "directories"));
  if (files.length > 0) parts.push(`${plural(files.length, "file")}, ${joined(bytes(size))}`);
  if (others > 0) parts.push(plural(others, "other"));
  return parts.join(" · ");
}
