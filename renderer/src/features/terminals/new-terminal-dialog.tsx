import { useState } from "react";
import { parseShellWords } from "#shared/base/shell-words";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Select, TextField } from "../../components/fields.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useOpenTerminal } from "./open-terminal.ts";

/** A terminal with a command, user and directory of one's choice. */
export function NewTerminalDialog(props: {
  containerId: string | undefined;
  /** The name of a container that is not ours; then it is the only choice. */
  elsewhere?: string | undefined;
  onClose: () => void;
}) {
  const { elsewhere, onClose } = props;
  const openTerminal = useOpenTerminal();
  const { items } = useContainers();
  const running =
    elsewhere !== undefined && props.containerId !== undefined
      ? [{ id: props.containerId, name: elsewhere }]
      : [...items.values()].filter(({ state }) => state.status === "running");
  const [chosen, setChosen] = useState(props.containerId);
  const id = running.some((container) => container.id === chosen) ? chosen : running[0]?.id;
  const [command, setCommand] = useState("");
  const [user, setUser] = useState("");
  const [cwd, setCwd] = useState("");
  const parsed = parseShellWords(command);
  const cwdError = cwd !== "" && !cwd.startsWith("/") ? "Must be an absolute path" : undefined;

  const open = (): void => {
    if (!id || !parsed.ok || cwdError) return;
    onClose();
    void openTerminal(id, {
      kind: "exec",
      args: parsed.words.map(({ value }) => value),
      user: user.trim() || undefined,
      cwd: cwd || undefined,
    });
  };
  return (
    <Dialog
      open
      onOpenChange={(next) => !next && onClose()}
      title="New terminal"
      size="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            disabledReason={!id && "No container is running"}
            disabled={!parsed.ok || cwdError !== undefined}
            onClick={open}
          >
            Open
          </Button>
        </>
      }
    >
      <form
        className="terminal-form"
        onSubmit={(event) => {
          event.preventDefault();
          open();
        }}
      >
        <Select
          label="Container"
          value={id ?? ""}
          onChange={setChosen}
          options={running.map((container) => ({ value: container.id, label: container.name }))}
        />
        <TextField
          label="Command"
          mono
          autoFocus
          value={command}
          onChange={setCommand}
          placeholder="bash, ash or sh, whichever it has"
          error={parsed.ok ? undefined : parsed.message}
        />
        <TextField
          label="User"
          mono
          value={user}
          onChange={setUser}
          placeholder="as the container"
          hint="A name or uid, with :group if needed"
        />
        <TextField
          label="Working directory"
          mono
          value={cwd}
          onChange={setCwd}
          placeholder="as the container"
          error={cwdError}
        />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
