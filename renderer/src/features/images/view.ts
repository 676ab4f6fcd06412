import type { Image } from "#shared/contract/images";
import type { ImageListState, ImageSegment } from "../../state/image-list.ts";
import { imageName } from "./reference.ts";

/** How each came here, in a word. */
export const sourceWords: Record<Image["source"], string> = {
  starter: "starter",
  tar: "imported",
  directory: "imported",
  archive: "loaded",
  pull: "pulled",
  build: "built",
  commit: "committed",
};

export function inImageSegment({ names, usedBy }: Image, segment: ImageSegment): boolean {
  switch (segment) {
    case "used":
      return usedBy.length > 0;
    case "unused":
      return usedBy.length === 0;
    case "unnamed":
      return names.length === 0;
    default:
      return true;
  }
}

/** How many there are in each segment. */
export function imageSegmentCounts(images: Iterable<Image>): Record<ImageSegment, number> {
  const counts = { all: 0, used: 0, unused: 0, unnamed: 0 };
  for (const image of images) {
    for (const segment of ["all", "used", "unused", "unnamed"] as const) {
      if (inImageSegment(image, segment)) counts[segment] += 1;
    }
  }
  return counts;
}

/** A filter's text as a test: words that must all be found, in names, id, digest, source, platform or labels. */
export function parseImageFilter(text: string): (image: Image) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (image) => {
    if (words.length === 0) return true;
    const { names, id, digest, source, platform, config } = image;
    const labels = Object.entries(config.labels).map(([key, value]) => `${key}=${value}`);
    const texts = [...names, platform, source, sourceWords[source], ...labels].map((each) =>
      each.toLowerCase(),
    );
    return words.every(
      (word) =>
        // Fewer digits are in too many.
        (word.length >= 4 &&
          [id, digest, digest.slice("sha256:".length)].some((each) => each.startsWith(word))) ||
        texts.some((each) => each.includes(word)),
    );
  };
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** By name, those without one last. */
function byName(a: Image, b: Image): number {
  return (
    Number(a.names.length === 0) - Number(b.names.length === 0) ||
    collator.compare(imageName(a), imageName(b)) ||
    (a.id < b.id ? -1 : 1)
  );
}

/** The order of two images; equal ones are put in order by name. */
export function imageComparator(sort: ImageListState["sort"]): (a: Image, b: Image) => number {
  const by = keyComparator(sort.key);
  const sign = sort.descending ? -1 : 1;
  return (a, b) => sign * by(a, b) || byName(a, b);
}

function keyComparator(key: ImageListState["sort"]["key"]): (a: Image, b: Image) => number {
  switch (key) {
    case "size":
      return (a, b) => a.size - b.size;
    case "own":
      return (a, b) => a.own - b.own;
    case "age":
      // The youngest first.
      return (a, b) => b.createdAt - a.createdAt;
    case "used":
      return (a, b) => a.usedBy.length - b.usedBy.length;
    case "source":
      return (a, b) => sourceWords[a.source].localeCompare(sourceWords[b.source]);
    case "platform":
      return (a, b) => collator.compare(a.platform, b.platform);
    default:
      return byName;
  }
}
