import {
  CircleAlert,
  Ellipsis,
  Pause,
  Play,
  ScrollText,
  Square,
  SquareTerminal,
  X,
} from "lucide-react";
import { memo, useState } from "react";
import type { Container } from "#shared/contract/containers";
import { Button, IconButton } from "../../components/button.tsx";
import { Checkbox } from "../../components/fields.tsx";
import { cx } from "../../components/cx.ts";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote, sentence } from "../../components/error-note.tsx";
import { runtimeName } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { Menu } from "../../components/menu.tsx";
import { PortLinks } from "../../components/port-links.tsx";
import { Dash } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { StatusMark } from "../../components/status-mark.tsx";
import { clearRowError, type RowError, useRowErrors } from "../../state/row-errors.ts";
import { toggle } from "../../state/selection.ts";
import { CpuCell, MemoryCell } from "./cells.tsx";
import type { Commands } from "./commands.ts";
import { containerMenu } from "./container-menu.ts";
import { RenameField } from "./rename-field.tsx";
import { isLive, portText, possible, sinceOf } from "./view.ts";

export interface ContainerRowProps {
  container: Container;
  /** From 1, with the head being row 1. */
  rowIndex: number;
  current: boolean;
  selected: boolean;
  renaming: boolean;
  commands: Commands;
}

/** The id of the row's element, for aria-activedescendant. */
export function rowElementId(id: string): string {
  return `container-${id}`;
}

export const ContainerRow = memo(function ContainerRow(props: ContainerRowProps) {
  const { container, rowIndex, current, selected, renaming, commands } = props;
  const { id, name, image, ports, runtime, state } = container;
  const [hovered, setHovered] = useState(false);
  const [menuOpen, setMenuOpen] = useState(false);
  const error = useRowErrors(({ errors }) => errors.get(id));
  const live = isLive(container);
  const since = sinceOf(container);
  const ported = portText(ports);
  return (
    <div
      role="row"
      id={rowElementId(id)}
      data-id={id}
      aria-rowindex={rowIndex}
      aria-selected={selected || current}
      className={cx(
        "containers__row",
        current && "containers__row--current",
        selected && "containers__row--selected",
        error && "containers__row--failed",
      )}
      onPointerEnter={() => setHovered(true)}
      onPointerLeave={() => setHovered(false)}
    >
      <div className="containers__cells">
        <div
          role="gridcell"
          className="containers__check"
          onClick={(event) => event.stopPropagation()}
        >
          <Checkbox
            checked={selected}
            onChange={() => toggle(id)}
            label={`Select ${name}`}
            hideLabel
          />
        </div>
        <div role="gridcell" title={state.error?.message}>
          <StatusMark state={state} />
        </div>
        <div role="gridcell" className="containers__name">
          {renaming ? <RenameField container={container} commands={commands} /> : name}
        </div>
        <div role="gridcell" className="containers__image" title={image.name}>
          {image.name}
        </div>
        <div role="gridcell" className="containers__cpu">
          <CpuCell id={id} live={live} />
        </div>
        <div role="gridcell" className="containers__memory">
          <MemoryCell id={id} live={live} />
        </div>
        <div role="gridcell" className="containers__ports num" title={ported || undefined}>
          {ported ? <PortLinks ports={ports} inGrid /> : <Dash />}
        </div>
        <div role="gridcell" className="containers__since">
          {since === undefined ? <Dash /> : <Since time={since} />}
        </div>
        <div role="gridcell" className="containers__runtime">
          {runtimeName(runtime)}
        </div>
        {(hovered || current || menuOpen) && !renaming && (
          <RowActions container={container} commands={commands} onMenu={setMenuOpen} />
        )}
      </div>
      {error && <RowErrorLine name={name} id={id} error={error} />}
    </div>
  );
});

/** The same four in the same order everywhere; what can't be done now is dimmed, not gone. */
function RowActions(props: {
  container: Container;
  commands: Commands;
  onMenu: (open: boolean) => void;
}) {
  const { container, commands, onMenu } = props;
  const { id } = container;
  const can = possible(container);
  const live = isLive(container);
  return (
    <div
      role="gridcell"
      className="containers__actions"
      onClick={(event) => event.stopPropagation()}
      onDoubleClick={(event) => event.stopPropagation()}
    >
      {can.stop || live ? (
        <IconButton
          icon={Square}
          label="Stop"
          shortcut="s"
          size="small"
          disabled={!can.stop}
          onClick={() => commands.stop([id])}
        />
      ) : (
        <IconButton
          icon={Play}
          label="Start"
          shortcut="s"
          size="small"
          disabled={!can.start}
          onClick={() => commands.start([id])}
        />
      )}
      {can.resume ? (
        <IconButton
          icon={Play}
          label="Resume"
          shortcut="Space"
          size="small"
          onClick={() => commands.resume([id])}
        />
      ) : (
        <IconButton
          icon={Pause}
          label="Pause"
          shortcut="Space"
          size="small"
          disabled={!can.pause}
          disabledReason={can.pause && commands.reasons.pause}
          onClick={() => commands.pause([id])}
        />
      )}
      <IconButton
        icon={SquareTerminal}
        label="Open a terminal"
        shortcut="e"
        size="small"
        disabled={container.state.status !== "running"}
        onClick={() => commands.exec(id)}
      />
      <IconButton
        icon={ScrollText}
        label="Logs"
        shortcut="l"
        size="small"
        onClick={() => commands.logs([id])}
      />
      <Menu entries={containerMenu([container], commands)} onOpenChange={onMenu}>
        <IconButton icon={Ellipsis} label={`More for ${container.name}`} size="small" />
      </Menu>
    </div>
  );
}

/** What went wrong with this one, on its row. */
function RowErrorLine(props: { name: string; id: string; error: RowError }) {
  const { name, id, error } = props;
  const [open, setOpen] = useState(false);
  return (
    <div
      className="containers__error"
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
