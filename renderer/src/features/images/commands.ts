import { useMemo } from "react";
import type { Image } from "#shared/contract/images";
import { copyText } from "../../components/copy-button.tsx";
import { useImageActions } from "../../queries/image-actions.ts";
import { openOverlay } from "../../state/overlays.ts";
import { inspectImage } from "../../state/selection.ts";
import { imageName } from "./reference.ts";

/** Everything that a row, its menus, the bulk bar and the palette offer. */
export interface ImageCommands {
  run: (id: string) => void;
  open: (id: string) => void;
  browse: (image: Image) => void;
  tag: (id: string) => void;
  untag: (id: string, name: string) => void;
  push: (id: string) => void;
  pull: (reference: string) => void;
  save: (ids: readonly string[]) => void;
  remove: (ids: readonly string[]) => void;
  copy: (text: string, what: string) => void;
}

export function useImageCommands(): ImageCommands {
  const actions = useImageActions();
  return useMemo(
    () => ({
      run: (id) => openOverlay({ kind: "create", imageId: id }),
      open: inspectImage,
      browse: (image) =>
        openOverlay({
          kind: "files",
          source: { kind: "image", id: image.id },
          name: imageName(image),
        }),
      tag: (id) => openOverlay({ kind: "tag", id }),
      untag: (id, name) => void actions.untag(id, name),
      push: (id) => openOverlay({ kind: "push", id }),
      pull: (reference) => void actions.pull(reference),
      save: (ids) => openOverlay({ kind: "save", ids }),
      remove: (ids) => openOverlay({ kind: "delete-images", ids }),
      copy: (text, what) => void copyText(text, `${what} copied`),
    }),
    [actions],
  );
}
