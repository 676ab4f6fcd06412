import * as Radix from "radix-ui/radio-group";
import { type ImageView, setImageView, useImageList } from "../../state/image-list.ts";

const views: { value: ImageView; label: string }[] = [
  { value: "images", label: "Images" },
  { value: "registries", label: "Registries" },
];

/** The page's title: what it shows, and beside it what it can show instead. */
export function ImageViews() {
  const view = useImageList((state) => state.view);
  return (
    <h1 className="image-views">
      <Radix.Root
        aria-label="What to show"
        orientation="horizontal"
        value={view}
        onValueChange={(next) => setImageView(next as ImageView)}
      >
        {views.map(({ value, label }) => (
          <Radix.Item key={value} value={value} className="image-views__item">
            {label}
          </Radix.Item>
        ))}
      </Radix.Root>
    </h1>
  );
}
