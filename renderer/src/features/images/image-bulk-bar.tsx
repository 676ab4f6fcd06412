import { FileArchive, Trash2, X } from "lucide-react";
import type { Image } from "#shared/contract/images";
import { Button, IconButton } from "../../components/button.tsx";
import { plural } from "../../components/format.ts";
import { imageRows } from "../../state/selection.ts";
import type { ImageCommands } from "./commands.ts";

/** What can be done to all that are ticked. */
export function ImageBulkBar(props: { images: readonly Image[]; commands: ImageCommands }) {
  const { images, commands } = props;
  const ids = images.map(({ id }) => id);
  return (
    <div className="bulk-bar" role="toolbar" aria-label="Actions on the selected images">
      <b className="num">{plural(images.length, "image")}</b>
      <Button
        variant="ghost"
        icon={FileArchive}
        shortcut="s"
        tip="Save to one archive"
        onClick={() => commands.save(ids)}
      >
        Save…
      </Button>
      <Button
        variant="ghost"
        icon={Trash2}
        shortcut="Del"
        tip="Delete"
        onClick={() => commands.remove(ids)}
      >
        Delete…
      </Button>
      <span className="spacer" />
      <IconButton
        icon={X}
        label="Clear the selection"
        shortcut="Esc"
        onClick={() => imageRows.clear()}
      />
    </div>
  );
}
