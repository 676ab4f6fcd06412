import { cleanup, render, type RenderResult } from "@testing-library/react";
import type { ReactNode } from "react";
import type { StoreApi } from "zustand";
import { TooltipProvider } from "../components/tooltip.tsx";
import { CoreProvider, createQueryClient } from "../queries/client.tsx";
import { useContainerList } from "../state/container-list.ts";
import { useBuilds } from "../state/builds.ts";
import { useDock } from "../state/dock.ts";
import { useImageList } from "../state/image-list.ts";
import { useLayout } from "../state/layout.ts";
import { useOverlay } from "../state/overlays.ts";
import { usePlaces } from "../state/places.ts";
import { useRowErrors } from "../state/row-errors.ts";
import { useImageSelection, useProjectSelection, useSelection } from "../state/selection.ts";
import { useTransferFailures } from "../state/transfer-failures.ts";
import type { FakeCore } from "./fake-client.ts";

/** Height that every element claims, in px: happy-dom lays nothing out, and a virtual list needs one. */
const height = 800;

Object.defineProperties(HTMLElement.prototype, {
  clientHeight: { configurable: true, get: () => height },
  clientWidth: { configurable: true, get: () => 1200 },
});

function reset<T>(store: StoreApi<T>): void {
  store.setState(store.getInitialState(), true);
}

/** Draws a part of the window on a stand-in for the core, with all of the window's state as at first. */
export function renderWith(core: FakeCore, children: ReactNode): RenderResult {
  cleanup();
  localStorage.clear();
  reset(useContainerList);
  reset(useBuilds);
  reset(useDock);
  reset(useImageList);
  reset(useLayout);
  reset(useOverlay);
  reset(usePlaces);
  reset(useRowErrors);
  reset(useSelection);
  reset(useTransferFailures);
  reset(useImageSelection);
  reset(useProjectSelection);
  return render(
    <CoreProvider connections={core.connections} queries={createQueryClient()}>
      <TooltipProvider>{children}</TooltipProvider>
    </CoreProvider>,
  );
}
