import { Ellipsis, Pause, Play, Square, SquareTerminal } from "lucide-react";
import type { Container } from "#shared/contract/containers";
import { Button, IconButton } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { runtimeName, shortId } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { Since } from "../../components/since.tsx";
import { StatusMark } from "../../components/status-mark.tsx";
import { useImage } from "../../queries/images.ts";
import { clearRowError, useRowErrors } from "../../state/row-errors.ts";
import { inspectImage } from "../../state/selection.ts";
import { type Commands, useCommands, useRenaming } from "../containers/commands.ts";
import { containerMenu } from "../containers/container-menu.ts";
import { RenameField } from "../containers/rename-field.tsx";
import { isLive, possible, sinceOf } from "../containers/view.ts";

/** Name, state and image, and what can be done. */
export function InspectorHead(props: { container: Container; full: boolean }) {
  const { container, full } = props;
  const { id, name, image, state, runtime } = container;
  const commands = useCommands();
  // Beside the list its row is where the name is edited.
  const renaming = useRenaming((renaming) => renaming.id === id) && full;
  const failure = useRowErrors(({ errors }) => errors.get(id));
  const since = sinceOf(container);
  const imageHere = useImage(image.id) !== undefined;
  return (
    <header className="inspector-head">
      <div className="inspector-head__name">
        {renaming ? (
          <RenameField container={container} commands={commands} />
        ) : (
          <h2 className="truncate selectable" title={name}>
            {name}
          </h2>
        )}
        <StatusMark state={state} />
      </div>
      <p className="inspector-head__facts muted">
        {imageHere ? (
          <button
            type="button"
            className="inspector-head__image truncate"
            title={`Show ${image.name}`}
            onClick={() => inspectImage(image.id)}
          >
            {image.name}
          </button>
        ) : (
          <span className="truncate selectable" title={image.name}>
            {image.name}
          </span>
        )}
        <span className="mono dim selectable" title={id}>
          {shortId(id)}
        </span>
        <span>{runtimeName(runtime)}</span>
        {since !== undefined && <Since time={since} />}
      </p>
      <Actions container={container} commands={commands} />
      {failure && (
        <ErrorNote
          className="inspector-head__note"
          title={failure.title}
          error={failure.error}
          onDismiss={() => clearRowError(id)}
        />
      )}
      {state.error && state.status !== "shim-lost" && (
        <ErrorNote className="inspector-head__note" error={state.error} />
      )}
    </header>
  );
}

/** The row's actions in the row's order; the menu has the rest. */
function Actions(props: { container: Container; commands: Commands }) {
  const { container, commands } = props;
  const { id, name, state } = container;
  const can = possible(container);
  const busy = state.activity !== undefined && `${name} is busy`;
  return (
    <div className="inspector-head__actions">
      {can.stop || isLive(container) ? (
        <Button
          icon={Square}
          shortcut="s"
          tip={`Stop ${name}`}
          disabledReason={!can.stop && busy}
          onClick={() => commands.stop([id])}
        >
          Stop
        </Button>
      ) : (
        <Button
          icon={Play}
          shortcut="s"
          tip={`Start ${name}`}
          disabledReason={!can.start && (busy || `${name} can't be started now`)}
          onClick={() => commands.start([id])}
        >
          Start
        </Button>
      )}
      {can.resume && (
        <Button
          icon={Play}
          shortcut="Space"
          tip={`Resume ${name}`}
          onClick={() => commands.resume([id])}
        >
          Resume
        </Button>
      )}
      {can.pause && (
        <Button
          icon={Pause}
          shortcut="Space"
          tip={`Pause ${name}`}
          disabledReason={commands.reasons.pause}
          onClick={() => commands.pause([id])}
        >
          Pause
        </Button>
      )}
      <Button
        icon={SquareTerminal}
        shortcut="e"
        tip={`Open a terminal in ${name}`}
        disabledReason={state.status !== "running" && `${name} is not running`}
        onClick={() => commands.exec(id)}
      >
        Terminal
      </Button>
      <Menu entries={containerMenu([container], commands)}>
        <IconButton icon={Ellipsis} label={`More for ${name}`} />
      </Menu>
    </div>
  );
}
