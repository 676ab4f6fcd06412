import { Ellipsis, Pause, Play, ScrollText, Square, SquareTerminal } from "lucide-react";
import { memo } from "react";
import type { Container } from "#shared/contract/containers";
import { IconButton } from "../../components/button.tsx";
import { runtimeName } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { PortLinks } from "../../components/port-links.tsx";
import { Dash } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { StatusMark } from "../../components/status-mark.tsx";
import { containerRows } from "../../state/selection.ts";
import type { GridPlace } from "../grid/grid-place.ts";
import { GridRow } from "../grid/grid-row.tsx";
import { CpuCell, MemoryCell } from "./cells.tsx";
import type { Commands } from "./commands.ts";
import { containerMenu } from "./container-menu.ts";
import { RenameField } from "./rename-field.tsx";
import { isLive, labelText, portText, possible, sinceOf } from "./view.ts";

export interface ContainerRowProps extends GridPlace {
  container: Container;
  renaming: boolean;
  commands: Commands;
}

export const ContainerRow = memo(function ContainerRow(props: ContainerRowProps) {
  const { container, renaming, commands, ...place } = props;
  const { id, name, image, ports, runtime, state } = container;
  const live = isLive(container);
  const since = sinceOf(container);
  const ported = portText(ports);
  const labels = labelText(container);
  return (
    <GridRow
      {...place}
      id={id}
      name={name}
      selection={containerRows}
      renderActions={
        !renaming &&
        ((onMenu) => <RowActions container={container} commands={commands} onMenu={onMenu} />)
      }
    >
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
      <div role="gridcell" className="containers__labels" title={labels || undefined}>
        {labels || <Dash />}
      </div>
      <div role="gridcell" className="containers__since">
        {since === undefined ? <Dash /> : <Since time={since} />}
      </div>
      <div role="gridcell" className="containers__runtime">
        {runtimeName(runtime)}
      </div>
    </GridRow>
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
    <>
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
    </>
  );
}
