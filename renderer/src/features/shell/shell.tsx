import { type ReactNode, useEffect, useRef, useState } from "react";
import { Divider } from "../../components/divider.tsx";
import { Toaster } from "../../components/toast.tsx";
import { setDockOpen, useDock } from "../../state/dock.ts";
import { useMediaQuery } from "../../components/use-media-query.ts";
import { useImageList } from "../../state/image-list.ts";
import { dockSize, inspectorSize, useLayout } from "../../state/layout.ts";
import {
  containerRows,
  imageRows,
  useImageSelection,
  useSelection,
  useVolumeSelection,
  volumeRows,
} from "../../state/selection.ts";
import { ContainerInspector } from "../container/inspector.tsx";
import { Dock } from "../dock/dock.tsx";
import { ImageInspector } from "../image/inspector.tsx";
import { VolumeInspector } from "../volumes/volume-inspector.tsx";
import { ConnectionNotice } from "./connection-notice.tsx";
import { Footer } from "./footer.tsx";
import { Header } from "./header.tsx";
import { InspectorFrame } from "./inspector-frame.tsx";
import { Overlays } from "./overlays.tsx";
import { CurrentPage } from "./current-page.tsx";
import { Rail } from "./rail.tsx";
import { usePageFocus } from "./page-focus.ts";
import { overlayQuery } from "./sizes.ts";
import { useShortcuts } from "./shortcuts.ts";
import "./shell.css";

/** What the list keeps beside an inspector, and the page above a dock, in px. */
const leastList = 340;
const leastPage = 140;
/** Heights of the dock's bar and of the footer, px; see shell.css. */
const dockBar = 30;
const footer = 25;

/** The window: header, rail, page with its inspector, dock, footer. */
export function Shell() {
  useShortcuts();
  usePageFocus();
  return (
    <div className="shell">
      <Header />
      <Rail />
      <Work />
      <Footer />
      <Overlays />
    </div>
  );
}

function Work() {
  const { ref, width, height } = useSize();
  const dockHeight = useLayout((state) => state.dockHeight);
  const dock = useDock();
  const most = Math.min(dockSize.max, Math.max(dockSize.min, height - leastPage));
  const shownHeight = Math.min(dockHeight, most);
  return (
    <div className="work" ref={ref}>
      <ConnectionNotice />
      <main className="work__page" tabIndex={-1}>
        <Split width={width}>
          <CurrentPage />
        </Split>
      </main>
      <Divider
        label="Dock height"
        orientation="horizontal"
        after
        value={dock.open ? shownHeight : 0}
        min={dockSize.min}
        max={most}
        onChange={(next) => {
          setDockOpen(true);
          useLayout.setState({ dockHeight: next });
        }}
        onReset={() => useLayout.setState({ dockHeight: dockSize.initial })}
      />
      <div
        className="work__dock"
        data-open={dock.open || undefined}
        style={dock.open ? { height: shownHeight } : undefined}
      >
        <Dock />
      </div>
      {/* Above the dock: its prompt stays in view. */}
      <Toaster bottom={(dock.open ? shownHeight : dockBar) + footer + 13} />
    </div>
  );
}

/** The page, and the inspector beside it, over it, or instead of it. */
function Split(props: { width: number; children: ReactNode }) {
  const { width, children } = props;
  const inspector = useInspector();
  const inspectorWidth = useLayout((state) => state.inspectorWidth);
  const full = useLayout((state) => state.inspectorFull);
  const overlay = useMediaQuery(overlayQuery);
  if (!inspector) return children;
  if (full) return inspector;
  const most = Math.max(inspectorSize.min, Math.min(inspectorSize.max, width - leastList));
  const shown = Math.min(inspectorWidth, most);
  if (overlay) {
    return (
      <>
        {children}
        <div className="work__overlay" style={{ width: Math.min(inspectorWidth, width) }}>
          {inspector}
        </div>
      </>
    );
  }
  return (
    <>
      {children}
      <Divider
        label="Inspector width"
        orientation="vertical"
        after
        value={shown}
        min={inspectorSize.min}
        max={most}
        onChange={(next) => useLayout.setState({ inspectorWidth: next })}
        onReset={() => useLayout.setState({ inspectorWidth: inspectorSize.initial })}
      />
      <div className="work__inspector" style={{ width: shown }}>
        {inspector}
      </div>
    </>
  );
}

/** What is open beside the list of the page one is at. */
function useInspector(): ReactNode {
  const page = useLayout((state) => state.page);
  const container = useSelection((state) => state.inspected);
  const image = useImageSelection((state) => state.inspected);
  const view = useImageList((state) => state.view);
  const volume = useVolumeSelection((state) => state.inspected);
  if (page === "containers" && container !== undefined) {
    return (
      <InspectorFrame
        label="Container"
        of={container}
        onClose={() => containerRows.closeInspector()}
      >
        <ContainerInspector key={container} id={container} />
      </InspectorFrame>
    );
  }
  if (page === "images" && view === "images" && image !== undefined) {
    return (
      <InspectorFrame label="Image" of={image} onClose={() => imageRows.closeInspector()}>
        <ImageInspector key={image} id={image} />
      </InspectorFrame>
    );
  }
  if (page === "volumes" && volume !== undefined) {
    return (
      <InspectorFrame label="Volume" of={volume} onClose={() => volumeRows.closeInspector()}>
        <VolumeInspector key={volume} id={volume} />
      </InspectorFrame>
    );
  }
  return undefined;
}

/** The element's size in px, kept current. */
function useSize() {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState(() => ({
    width: window.innerWidth,
    height: window.innerHeight,
  }));
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, ...size };
}
