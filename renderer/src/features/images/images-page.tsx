import { useMutation } from "@tanstack/react-query";
import { Brush, Download, Ellipsis, FolderInput, Hammer, Layers, PackagePlus } from "lucide-react";
import { useEffect, useMemo } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote, sentence } from "../../components/error-note.tsx";
import { Menu, type MenuEntry } from "../../components/menu.tsx";
import { Page } from "../../components/page.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { announce } from "../../components/notices.ts";
import { Waiting } from "../../components/waiting.tsx";
import { useClient } from "../../queries/client.tsx";
import { useBuilder, useImages } from "../../queries/images.ts";
import {
  type ImageSegment,
  setImageFilter,
  setImageSegment,
  useImageList,
} from "../../state/image-list.ts";
import { openOverlay } from "../../state/overlays.ts";
import { imageRows, useImageSelection } from "../../state/selection.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { StaleNotice } from "../grid/stale-notice.tsx";
import { RegistryList } from "../registries/registry-list.tsx";
import { useImageCommands } from "./commands.ts";
import { ImageBulkBar } from "./image-bulk-bar.tsx";
import { ImageTable } from "./image-table.tsx";
import { ImageViews } from "./image-views.tsx";
import { PullBox, typeReference } from "./pull-box.tsx";
import { imageName } from "./reference.ts";
import { TransferList } from "./transfer-list.tsx";
import { imageComparator, imageSegmentCounts, inImageSegment, parseImageFilter } from "./view.ts";
import "./images.css";

const segments: { value: ImageSegment; label: string }[] = [
  { value: "all", label: "All" },
  { value: "used", label: "In use" },
  { value: "unused", label: "Unused" },
  { value: "unnamed", label: "Unnamed" },
];

/** The images of this machine, or the registries that they come from. */
export function ImagesPage() {
  const view = useImageList((state) => state.view);
  return view === "registries" ? <RegistryList /> : <ImageList />;
}

function ImageList() {
  const images = useImages();
  const { items, status } = images;
  const { filter, segment, sort } = useImageList();
  const commands = useImageCommands();
  const starter = useStarterImage();
  const selected = useImageSelection((state) => state.selected);
  const matching = useMemo(
    () => [...items.values()].filter(parseImageFilter(filter)),
    [items, filter],
  );
  const counts = useMemo(() => imageSegmentCounts(matching), [matching]);
  const rows = useMemo(
    () => matching.filter((image) => inImageSegment(image, segment)).sort(imageComparator(sort)),
    [matching, segment, sort],
  );
  const chosen = useMemo(() => rows.filter(({ id }) => selected.has(id)), [rows, selected]);
  const hasStarter = [...items.values()].some(({ source }) => source === "starter");
  const more = useMoreEntries(hasStarter ? undefined : starter.mutate);

  useEffect(() => {
    if (status === "live") imageRows.forgetMissing((id) => items.has(id));
  }, [items, status]);

  return (
    <Page
      title="Images"
      heading={<ImageViews />}
      tools={
        <>
          <SegmentedControl
            label="Which images"
            value={segment}
            onChange={setImageSegment}
            options={segments.map((each) => ({ ...each, count: counts[each.value] }))}
          />
          <FilterBox
            label="Filter images"
            title="Words in names, id, digest, platform, labels, or how it came: pulled, built"
            value={filter}
            onChange={setImageFilter}
          />
          <Menu entries={more}>
            <IconButton icon={Ellipsis} label="More for images" />
          </Menu>
        </>
      }
    >
      <PullBox />
      <TransferList />
      {starter.error && (
        <ErrorNote
          className="images__note"
          title="The starter image was not made"
          error={starter.error}
          onDismiss={starter.reset}
        />
      )}
      <StaleNotice of={images} className="images__note" />
      {chosen.length > 0 && <ImageBulkBar images={chosen} commands={commands} />}
      {status === "loading" ? (
        <Waiting what="images" />
      ) : items.size === 0 ? (
        <NoImages making={starter.isPending} onStarter={() => starter.mutate()} />
      ) : rows.length === 0 ? (
        <NothingFound />
      ) : (
        <ImageTable rows={rows} commands={commands} />
      )}
    </Page>
  );
}

function useStarterImage() {
  const client = useClient();
  return useMutation({
    mutationFn: () => client.call("images.ensureStarter", {}),
    onSuccess: (image) => announce(`${imageName(image)} is ready`),
  });
}

/** What makes images otherwise than by a pull, and what clears them away. */
function useMoreEntries(makeStarter: (() => void) | undefined): MenuEntry[] {
  const builder = useBuilder();
  return [
    {
      label: "Build from a Dockerfile…",
      icon: Hammer,
      disabledReason: builder?.reason && sentence(builder.reason),
      onSelect: () => openOverlay({ kind: "build" }),
    },
    {
      label: "Load or import…",
      icon: FolderInput,
      onSelect: () => openOverlay({ kind: "import", source: "archive" }),
    },
    ...(makeStarter
      ? [{ label: "Make the starter image", icon: PackagePlus, onSelect: makeStarter }]
      : []),
    { kind: "separator" },
    {
      label: "Prune images…",
      icon: Brush,
      onSelect: () => openOverlay({ kind: "prune" }),
    },
  ];
}

function NoImages(props: { making: boolean; onStarter: () => void }) {
  return (
    <EmptyState
      icon={Layers}
      title="No images yet"
      actions={
        <>
          <Button variant="primary" icon={Download} onClick={() => typeReference("")}>
            Pull one
          </Button>
          <Button busy={props.making} icon={PackagePlus} onClick={props.onStarter}>
            Make the starter image
          </Button>
          <Button
            icon={FolderInput}
            onClick={() => openOverlay({ kind: "import", source: "archive" })}
          >
            Load or import
          </Button>
        </>
      }
    >
      An image is the file system that a container begins with. Pull one from a registry by its
      name, or make the starter image from this machine’s busybox, without a network.
    </EmptyState>
  );
}

function NothingFound() {
  const { filter, segment } = useImageList();
  const label = segments.find(({ value }) => value === segment)?.label ?? segment;
  return (
    <EmptyState
      icon={Layers}
      title={filter ? "No image matches" : `No image is in “${label}”`}
      actions={
        <Button
          onClick={() => {
            setImageFilter("");
            setImageSegment("all");
          }}
        >
          Show all
        </Button>
      }
    >
      {filter && <>Nothing in names, ids, digests or labels matches “{filter}”.</>}
    </EmptyState>
  );
}
