import { useMutation } from "@tanstack/react-query";
import { useMemo } from "react";
import { copyText } from "../../components/copy-button.tsx";
import { saveFile } from "../../components/save-file.ts";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { openOverlay } from "../../state/overlays.ts";
import { inspectVolume } from "../../state/selection.ts";

/** Everything that a row, its menus, the bulk bar and the palette offer. */
export interface VolumeCommands {
  open: (id: string) => void;
  browse: (id: string) => void;
  backUp: (id: string) => void;
  download: (id: string) => void;
  restore: (id: string) => void;
  remove: (ids: readonly string[]) => void;
  copy: (id: string) => void;
}

export function useVolumeCommands(): VolumeCommands {
  const client = useClient();
  const { mutate: download } = useMutation({
    mutationFn: (id: string) =>
      saveFile({
        ...{ fileName: `${id}.tar`, type: "application/x-tar", onProgress: () => undefined },
        content: () => client.stream("volumes.download", { id }),
      }),
    onError: (error, id) => notify({ tone: "bad", title: `${id} was not downloaded`, error }),
  });
  return useMemo(
    () => ({
      open: inspectVolume,
      browse: (id) => openOverlay({ kind: "files", source: { kind: "volume", id }, name: id }),
      backUp: (id) => openOverlay({ kind: "back-up-volume", id }),
      download,
      restore: (id) => openOverlay({ kind: "restore-volume", id }),
      remove: (ids) => openOverlay({ kind: "delete-volumes", ids }),
      copy: (id) => void copyText(id, "Name copied"),
    }),
    [download],
  );
}
