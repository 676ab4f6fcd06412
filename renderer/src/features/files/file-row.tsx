import { Ellipsis } from "lucide-react";
import { useState } from "react";
import { fileNameProblem, shownName } from "#shared/base/file-names";
import type { FileEntry } from "#shared/contract/files";
import { IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { TextField } from "../../components/fields.tsx";
import { Icon } from "../../components/icon.tsx";
import { Menu, type MenuEntry } from "../../components/menu.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { ChangeMark } from "./change-mark.tsx";
import { iconOf, modeText, ownerText, typeNames } from "./file-view.ts";

export function FileRow(props: {
  entry: FileEntry;
  index: number;
  selected: boolean;
  renaming: boolean;
  onOpen: (entry: FileEntry) => void;
  /** Undefined: it keeps its name. */
  onRename: (name: string | undefined) => void;
  menu: (entry: FileEntry) => MenuEntry[];
}) {
  const { entry, index, selected, renaming, onRename, menu } = props;
  const { name, type, target, targetType, change } = entry;
  const broken = type === "symlink" && targetType === undefined;
  return (
    <div
      id={`file-row-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={cx("file-table__row file-table__cells", selected && "file-table__row--selected")}
    >
      <div role="gridcell" className="file-table__name">
        <Icon
          of={iconOf(entry)}
          size={15}
          className={cx("file-table__icon", type === "directory" && "file-table__icon--directory")}
        />
        {renaming ? (
          <NameField name={name} onDone={onRename} />
        ) : (
          <>
            <span
              className={cx("truncate", broken && "dim")}
              title={broken ? `${shownName(name)}: nothing is where it points to` : shownName(name)}
            >
              {shownName(name)}
            </span>
            {target !== undefined && (
              <span className="file-table__target dim truncate" title={shownName(target)}>
                → {shownName(target)}
              </span>
            )}
            {change && <ChangeMark change={change} />}
          </>
        )}
      </div>
      <div role="gridcell" className="file-table__size">
        {type === "file" ? (
          <ByteCount value={entry.size} />
        ) : type === "directory" || type === "symlink" ? (
          <Dash />
        ) : (
          <span className="dim">{typeNames[type]}</span>
        )}
      </div>
      <div
        role="gridcell"
        className="file-table__mode mono muted"
        title={entry.mode.toString(8).padStart(4, "0")}
      >
        {modeText(entry)}
      </div>
      <div
        role="gridcell"
        className="file-table__owner truncate muted"
        title={`user ${entry.uid}, group ${entry.gid}`}
      >
        {ownerText(entry)}
      </div>
      <div role="gridcell" className="file-table__mtime muted">
        <Moment time={entry.mtime} />
      </div>
      <div role="gridcell" className="file-table__more">
        <Menu entries={menu(entry)}>
          <IconButton
            size="small"
            icon={Ellipsis}
            tabIndex={-1}
            label={`More for ${shownName(name)}`}
          />
        </Menu>
      </div>
    </div>
  );
}

/** A name being typed: Enter gives it, Escape and leaving keep the old one. */
export function NameField(props: { name: string; onDone: (name: string | undefined) => void }) {
  const { name, onDone } = props;
  const [text, setText] = useState(name);
  const problem = fileNameProblem(text);
  return (
    <form
      className="name-field"
      data-escape
      onSubmit={(event) => {
        event.preventDefault();
        if (!problem) onDone(text);
      }}
    >
      <TextField
        label={`New name of ${shownName(name)}`}
        hideLabel
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        value={text}
        onChange={setText}
        error={problem}
        onFocus={(event) => {
          const dot = text.lastIndexOf(".");
          event.target.setSelectionRange(0, dot > 0 ? dot : text.length);
        }}
        onBlur={() => onDone(undefined)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onDone(undefined);
          event.stopPropagation();
        }}
      />
    </form>
  );
}
