import { Box, CircleAlert, Download, Plus } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { useImages } from "../../queries/images.ts";
import { typeReference } from "../images/pull-box.tsx";
import { useSystem } from "../../queries/system.ts";
import { goTo } from "../../state/layout.ts";
import { openOverlay } from "../../state/overlays.ts";

/** A machine without containers: what to do first. */
export function FirstSteps() {
  const images = useImages();
  const system = useSystem();
  const none = images.items.size === 0;
  if (system && !system.probing && !system.runtimes.some(({ usable }) => usable.ok)) {
    const missing = system.prerequisites.filter((each) => each.required && each.status !== "found");
    return (
      <EmptyState
        icon={CircleAlert}
        title="Nothing here can run a container yet"
        actions={
          <Button variant="primary" onClick={() => goTo("system")}>
            {missing.length > 0 ? "See how to install it" : "See what is wrong"}
          </Button>
        }
      >
        {missing.length > 0
          ? `This machine lacks ${missing.map(({ name }) => name).join(", ")}.`
          : "Each container runtime of this machine failed when it was tried."}
      </EmptyState>
    );
  }
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
