import type { FileSource } from "#shared/contract/files";
import { Dialog } from "../../components/dialog.tsx";
import { closeOverlay } from "../../state/overlays.ts";
import { FileBrowser } from "./file-browser.tsx";

/** The files of something that has no page of its own. */
export function FilesDialog(props: { source: FileSource; name: string }) {
  const { source, name } = props;
  return (
    <Dialog
      open
      size="large"
      onOpenChange={(open) => !open && closeOverlay()}
      title={`Files of ${name}`}
    >
      <div className="files-dialog">
        <FileBrowser source={source} />
      </div>
    </Dialog>
  );
}
