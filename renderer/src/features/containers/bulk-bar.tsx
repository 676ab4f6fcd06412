import { Pause, Play, RotateCw, ScrollText, Square, Trash2, Zap } from "lucide-react";
import type { Container } from "#shared/contract/containers";
import { Button } from "../../components/button.tsx";
import { Menu } from "../../components/menu.tsx";
import { mostLogs, tooManyLogs } from "../../state/dock.ts";
import { containerRows } from "../../state/selection.ts";
import { SelectionBar } from "../grid/selection-bar.tsx";
import type { Commands } from "./commands.ts";
import { signals } from "./container-menu.ts";
import { isLive, possible } from "./view.ts";

/** What can be done to all that are ticked. Each goes to those that it can be done to. */
export function BulkBar(props: { containers: Container[]; commands: Commands }) {
  const { containers, commands } = props;
  const which = (what: "start" | "stop" | "pause" | "resume"): string[] =>
    containers.filter((container) => possible(container)[what]).map(({ id }) => id);
  const startable = which("start");
  const stoppable = which("stop");
  const pausable = which("pause");
  const resumable = which("resume");
  const live = containers.filter(isLive).map(({ id }) => id);
  const ids = containers.map(({ id }) => id);
  return (
    <SelectionBar count={containers.length} noun="container" onClear={() => containerRows.clear()}>
      <Button
        variant="ghost"
        icon={Play}
        shortcut="s"
        tip="Start"
        disabled={startable.length === 0}
        onClick={() => commands.start(startable)}
      >
        Start
      </Button>
      <Button
        variant="ghost"
        icon={Square}
        shortcut="s"
        tip="Stop"
        disabled={stoppable.length === 0}
        onClick={() => commands.stop(stoppable)}
      >
        Stop
      </Button>
      <Button
        variant="ghost"
        icon={RotateCw}
        shortcut="r"
        tip="Restart"
        disabled={live.length === 0}
        onClick={() => commands.restart(live)}
      >
        Restart
      </Button>
      {resumable.length > 0 && pausable.length === 0 ? (
        <Button
          variant="ghost"
          icon={Play}
          shortcut="Space"
          tip="Resume"
          onClick={() => commands.resume(resumable)}
        >
          Resume
        </Button>
      ) : (
        <Button
          variant="ghost"
          icon={Pause}
          shortcut="Space"
          tip="Pause"
          disabledReason={commands.reasons.pause}
          disabled={pausable.length === 0}
          onClick={() => commands.pause(pausable)}
        >
          Pause
        </Button>
      )}
      <Menu
        align="start"
        entries={signals.map(([name, meaning]) => ({
          label: `${name} · ${meaning}`,
          disabledReason: live.length === 0 && "None of them is running",
          onSelect: () => commands.kill(live, name),
        }))}
      >
        <Button variant="ghost" icon={Zap} disabled={live.length === 0}>
          Signal
        </Button>
      </Menu>
      <Button
        variant="ghost"
        icon={ScrollText}
        shortcut="l"
        tip="Logs together"
        disabledReason={ids.length > mostLogs && tooManyLogs}
        onClick={() => commands.logs(ids)}
      >
        Logs
      </Button>
      <Button
        variant="ghost"
        icon={Trash2}
        shortcut="Del"
        tip="Delete"
        onClick={() => commands.remove(ids)}
      >
        Delete
      </Button>
    </SelectionBar>
  );
}
