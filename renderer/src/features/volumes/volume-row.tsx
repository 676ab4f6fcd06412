import { Archive, Ellipsis, FolderOpen, Trash2 } from "lucide-react";
import { memo } from "react";
import type { Volume } from "#shared/contract/volumes";
import { IconButton } from "../../components/button.tsx";
import { Menu } from "../../components/menu.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { volumeRows } from "../../state/selection.ts";
import type { GridPlace } from "../grid/grid-place.ts";
import { GridRow } from "../grid/grid-row.tsx";
import type { VolumeCommands } from "./commands.ts";
import { UserLink } from "./user-link.tsx";
import { volumeMenu } from "./volume-menu.ts";
import { volumeName } from "./view.ts";

export const VolumeRow = memo(function VolumeRow(
  props: GridPlace & { volume: Volume; size: number | undefined; commands: VolumeCommands },
) {
  const { volume, size, commands, ...place } = props;
  const { id, anonymous, labels, createdAt, usedBy } = volume;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const [user] = usedBy;
  return (
    <GridRow
      {...place}
      id={id}
      name={volumeName(volume)}
      selection={volumeRows}
      renderActions={(onMenu) => (
        <>
          <IconButton
            icon={FolderOpen}
            label="Browse files"
            shortcut="f"
            size="small"
            onClick={() => commands.browse(id)}
          />
          <IconButton
            icon={Archive}
            label="Back up"
            shortcut="b"
            size="small"
            onClick={() => commands.backUp(id)}
          />
          <IconButton
            icon={Trash2}
            label="Delete"
            shortcut="Del"
            size="small"
            danger
            onClick={() => commands.remove([id])}
          />
          <Menu entries={volumeMenu([volume], commands)} onOpenChange={onMenu}>
            <IconButton icon={Ellipsis} label={`More for ${volumeName(volume)}`} size="small" />
          </Menu>
        </>
      )}
    >
      <div role="gridcell" className="volumes__name" title={id}>
        <span className={anonymous ? "truncate mono muted" : "truncate"}>{volumeName(volume)}</span>
        {anonymous && <span className="volumes__tag">anonymous</span>}
      </div>
      <div role="gridcell" className="volumes__labels muted truncate" title={pairs.join("\n")}>
        {pairs.length > 0 ? pairs.join(", ") : <Dash />}
      </div>
      <div role="gridcell" className="volumes__size">
        {size === undefined ? <Dash /> : <ByteCount value={size} />}
      </div>
      <div role="gridcell" className="volumes__age muted">
        <Since time={createdAt} />
      </div>
      <div role="gridcell" className="volumes__used">
        {user ? (
          <>
            <UserLink user={user} />
            {usedBy.length > 1 && <span className="dim num"> +{usedBy.length - 1}</span>}
          </>
        ) : (
          <Dash />
        )}
      </div>
    </GridRow>
  );
});
