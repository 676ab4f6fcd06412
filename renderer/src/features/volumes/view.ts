import type { Volume } from "#shared/contract/volumes";
import { shortId } from "../../components/format.ts";
import type { VolumeListState, VolumeSegment } from "../../state/volume-list.ts";

/** What one calls it: an anonymous one's name is an id. */
export const volumeName = ({ id, anonymous }: Pick<Volume, "id" | "anonymous">): string =>
  anonymous ? shortId(id) : id;

export function inVolumeSegment({ usedBy, anonymous }: Volume, segment: VolumeSegment): boolean {
  switch (segment) {
    case "used":
      return usedBy.length > 0;
    case "unused":
      return usedBy.length === 0;
    case "anonymous":
      return anonymous;
    default:
      return true;
  }
}

/** Words that must all be found: in the name, a label, who has it, or where they see it. */
export function parseVolumeFilter(text: string): (volume: Volume) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return ({ id, labels, usedBy }) => {
    const texts = [
      id,
      ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
      ...usedBy.flatMap(({ containerName, target }) => [containerName, target]),
    ].map((each) => each.toLowerCase());
    return words.every((word) => texts.some((each) => each.includes(word)));
  };
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** By name, the anonymous last. */
const byName = (a: Volume, b: Volume): number =>
  Number(a.anonymous) - Number(b.anonymous) || collator.compare(a.id, b.id);

/** The order of two volumes; equal ones are put in order by name. */
export function volumeComparator(
  sort: VolumeListState["sort"],
  sizes: ReadonlyMap<string, number>,
): (a: Volume, b: Volume) => number {
  const by = {
    name: byName,
    size: (a: Volume, b: Volume) => (sizes.get(a.id) ?? 0) - (sizes.get(b.id) ?? 0),
    // The youngest first.
    age: (a: Volume, b: Volume) => b.createdAt - a.createdAt,
    used: (a: Volume, b: Volume) => a.usedBy.length - b.usedBy.length,
  }[sort.key];
  const sign = sort.descending ? -1 : 1;
  return (a, b) => sign * by(a, b) || byName(a, b);
}
