import { PackageX } from "lucide-react";
import { useState } from "react";
import { EmptyState } from "../../components/empty-state.tsx";
import { JsonView } from "../../components/json-view.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { useImage, useImageDetail, useImages } from "../../queries/images.ts";
import { imageName } from "../images/reference.ts";
import { ImageHead } from "./image-head.tsx";
import { ImageOverview } from "./image-overview.tsx";
import { LayerTable } from "./layer-table.tsx";
import { UsedBy } from "./used-by.tsx";
import "../container/container.css";
import "./image.css";

type Tab = "overview" | "layers" | "config" | "used";

/** Everything about one image, beside the list or as a page of its own. */
export function ImageInspector(props: { id: string }) {
  const { id } = props;
  const { status } = useImages();
  const image = useImage(id);
  const { detail, error } = useImageDetail(id);
  const [tab, setTab] = useState<Tab>("overview");
  if (!image) {
    if (status === "loading") return null;
    return (
      <EmptyState icon={PackageX} title="This image is gone">
        It was deleted. Choose another one in the list.
      </EmptyState>
    );
  }
  return (
    <div className="inspector">
      <ImageHead image={image} />
      <Tabs<Tab>
        label={`${imageName(image)}, details`}
        value={tab}
        onChange={setTab}
        items={[
          { value: "overview", label: "Overview", content: <ImageOverview image={image} /> },
          {
            value: "layers",
            label: "Layers",
            count: image.layers,
            content: <LayerTable image={image} detail={detail} error={error} />,
          },
          {
            value: "config",
            label: "Config",
            content: (
              <JsonView
                error={error}
                parts={[
                  {
                    value: "config",
                    label: "Config",
                    text: detail?.configText,
                    absent: "It has no config.",
                  },
                  {
                    value: "manifest",
                    label: "Manifest",
                    text: detail?.manifest,
                    absent: "It has no manifest.",
                  },
                ]}
              />
            ),
          },
          {
            value: "used",
            label: "Used by",
            count: image.usedBy.length || undefined,
            content: <UsedBy image={image} />,
          },
        ]}
      />
    </div>
  );
}
