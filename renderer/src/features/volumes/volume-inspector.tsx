import { Archive, ArchiveRestore, Database, Ellipsis } from "lucide-react";
import { Button, IconButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { KeyValue, KeyValues } from "../../components/key-value.tsx";
import { Menu } from "../../components/menu.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { useVolume, useVolumes, useVolumeSizes } from "../../queries/volumes.ts";
import { clearRowError, useRowErrors } from "../../state/row-errors.ts";
import { FileBrowser } from "../files/file-browser.tsx";
import { useVolumeCommands } from "./commands.ts";
import { UserLink } from "./user-link.tsx";
import { volumeMenu } from "./volume-menu.ts";
import { volumeName } from "./view.ts";
import "../container/container.css";
import "./volumes.css";

/** Everything about one volume: who has it, and what is in it. */
export function VolumeInspector(props: { id: string }) {
  const { id } = props;
  const { status } = useVolumes();
  const volume = useVolume(id);
  const size = useVolumeSizes().get(id);
  const commands = useVolumeCommands();
  const failure = useRowErrors(({ errors }) => errors.get(id));
  if (!volume) {
    if (status === "loading") return null;
    return (
      <EmptyState icon={Database} title="This volume is gone">
        It was deleted. Choose another one in the list.
      </EmptyState>
    );
  }
  const labels = Object.entries(volume.labels);
  return (
    <div className="inspector">
      <header className="inspector-head">
        <div className="inspector-head__name">
          <h2 className="truncate selectable" title={id}>
            {volumeName(volume)}
          </h2>
        </div>
        <p className="inspector-head__facts muted">
          {volume.anonymous && <span>anonymous</span>}
          {size !== undefined && <ByteCount value={size} />}
          <Since time={volume.createdAt} />
        </p>
        <div className="inspector-head__actions">
          <Button
            icon={Archive}
            shortcut="b"
            tip="All that is in it as a tar"
            onClick={() => commands.backUp(id)}
          >
            Back up
          </Button>
          <Button
            icon={ArchiveRestore}
            tip="From a tar, in place of what is in it"
            onClick={() => commands.restore(id)}
          >
            Restore
          </Button>
          <Menu entries={volumeMenu([volume], commands)}>
            <IconButton icon={Ellipsis} label={`More for ${volumeName(volume)}`} />
          </Menu>
        </div>
        {failure && (
          <ErrorNote
            className="inspector-head__note"
            title={failure.title}
            error={failure.error}
            onDismiss={() => clearRowError(id)}
          />
        )}
      </header>
      <div className="volume-facts">
        <KeyValues>
          <KeyValue name="Used by">
            {volume.usedBy.length === 0 && <span className="dim">no container</span>}
            {volume.usedBy.map((user) => (
              <span key={`${user.containerId} ${user.target}`} className="overview__network">
                <UserLink user={user} />{" "}
                <span className="mono muted">
                  {user.target}
                  {user.readOnly && " ro"}
                </span>
              </span>
            ))}
          </KeyValue>
          {labels.length > 0 && (
            <KeyValue name="Labels" mono>
              {labels.map(([key, value]) => `${key}=${value}`).join(" ")}
            </KeyValue>
          )}
        </KeyValues>
      </div>
      <div className="volume-files">
        <FileBrowser source={{ kind: "volume", id }} />
      </div>
    </div>
  );
}
