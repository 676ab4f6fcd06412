import { CircleAlert, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote, sentence } from "../../components/error-note.tsx";
import { Checkbox } from "../../components/fields.tsx";
import { Icon } from "../../components/icon.tsx";
import { clearRowError, type RowError, useRowErrors } from "../../state/row-errors.ts";
import type { RowSelection } from "../../state/row-selection.ts";
import type { GridPlace } from "./grid-place.ts";

/** The id of the row's element, for aria-activedescendant. */
export function rowElementId(id: string): string {
  return `row-${id}`;
}

/** A row: its tick, its cells, its actions while it is pointed at, and below it what went wrong. */
export function GridRow(
  props: GridPlace & {
    id: string;
    name: string;
    selection: RowSelection;
    /** Shown on the row under the pointer and on the current one. `onMenu` keeps them while a menu is open. */
    renderActions?: ((onMenu: (open: boolean) => void) => ReactNode) | false;
    children: ReactNode;
  },
) {
  const { id, name, rowIndex, current, selected, selection, renderActions, children } = props;
  const [hovered, setHovered] = useState(false);
  const [menuOpen, setMenuOpen] = useState(false);
  const error = useRowErrors(({ errors }) => errors.get(id));
  return (
    <div
      role="row"
      id={rowElementId(id)}
      data-id={id}
      aria-rowindex={rowIndex}
      aria-selected={selected || current}
      className={cx(
        "grid__row",
        current && "grid__row--current",
        selected && "grid__row--selected",
      )}
      onPointerEnter={() => setHovered(true)}
      onPointerLeave={() => setHovered(false)}
    >
      <div className="grid__cells">
        <div role="gridcell" className="grid__check" onClick={(event) => event.stopPropagation()}>
          <Checkbox
            checked={selected}
            onChange={() => selection.toggle(id)}
            label={`Select ${name}`}
            hideLabel
          />
        </div>
        {children}
        {renderActions && (hovered || current || menuOpen) && (
          <div
            role="gridcell"
            className="grid__actions"
            onClick={(event) => event.stopPropagation()}
            onDoubleClick={(event) => event.stopPropagation()}
          >
            {renderActions(setMenuOpen)}
          </div>
        )}
      </div>
      {error && <RowErrorLine name={name} id={id} error={error} />}
    </div>
  );
}

/** What went wrong with this one, on its row. */
function RowErrorLine(props: { name: string; id: string; error: RowError }) {
  const { name, id, error } = props;
  const [open, setOpen] = useState(false);
  return (
    <div
      className="grid__error"
      role="alert"
      onClick={(event) => event.stopPropagation()}
      onDoubleClick={(event) => event.stopPropagation()}
    >
      <Icon of={CircleAlert} size={14} />
      <span className="truncate">
        {error.title}: {sentence(error.error.message)}
        {error.error.details.hint && (
          <span className="muted"> {sentence(error.error.details.hint)}</span>
        )}
      </span>
      <Button variant="link" onClick={() => setOpen(true)}>
        Details
      </Button>
      <IconButton
        icon={X}
        label={`Dismiss the error of ${name}`}
        size="small"
        onClick={() => clearRowError(id)}
      />
      <Dialog open={open} onOpenChange={setOpen} title={`${error.title} ${name}`}>
        <ErrorNote error={error.error} />
      </Dialog>
    </div>
  );
}
