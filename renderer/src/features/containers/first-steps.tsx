import { Box, Download, Plus } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { useImages } from "../../queries/images.ts";
import { typeReference } from "../images/pull-box.tsx";
import { openOverlay } from "../../state/overlays.ts";

/** A machine without containers: what to do first. */
export function FirstSteps() {
  const images = useImages();
  const none = images.items.size === 0;
  return (
    <EmptyState
      icon={Box}
      title="No containers yet"
      actions={
        <>
          <Button variant="primary" icon={Plus} onClick={() => openOverlay({ kind: "create" })}>
            {none ? "Create one from the starter image" : "New container"}
          </Button>
          <Button icon={Download} onClick={() => typeReference("")}>
            Pull an image
          </Button>
        </>
      }
    >
      {none
        ? "The starter image is made from this machine's busybox: nothing has to be downloaded for a first container. Or pull an image from a registry."
        : "A container runs a command in a root file system of its own. It keeps running when this window closes."}
    </EmptyState>
  );
}
