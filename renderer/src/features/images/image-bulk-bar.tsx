import { FileArchive, Trash2 } from "lucide-react";
import type { Image } from "#shared/contract/images";
import { Button } from "../../components/button.tsx";
import { imageRows } from "../../state/selection.ts";
import { SelectionBar } from "../grid/selection-bar.tsx";
import type { ImageCommands } from "./commands.ts";

/** What can be done to all that are ticked. */
export function ImageBulkBar(props: { images: readonly Image[]; commands: ImageCommands }) {
  const { images, commands } = props;
  const ids = images.map(({ id }) => id);
  return (
    <SelectionBar count={images.length} noun="image" onClear={() => imageRows.clear()}>
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
    </SelectionBar>
  );
}
