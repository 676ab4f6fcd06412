/**
 * Where a log's lines are in a scroll space that may be smaller than the log: browsers cap an
 * element's height (Chromium at 33,554,428 px, Firefox at 17,895,697), which is 1.6 million rows of
 * 20 px. So the space is capped, and a position in it is a share of the log.
 */
export const maximumScrollHeight = 15_000_000;

export interface Geometry {
  total: number;
  /** Height of an unwrapped row, px. */
  rowHeight: number;
  /** Height of what is seen, px. */
  viewport: number;
  /** Wrapped rows have heights of their own: the space is then an estimate. */
  wrap: boolean;
}

/** A line and how many px of it are above the viewport's upper edge. */
export interface Anchor {
  line: number;
  offset: number;
}

/** Height of the element that is scrolled, px. */
export function scrollHeight({ total, rowHeight, viewport, wrap }: Geometry): number {
  const rows = Math.min(total * rowHeight, maximumScrollHeight);
  // Of wrapped rows it is not known how many fill the last screen: any line may be the top one.
  return wrap ? rows + viewport : Math.max(rows, viewport);
}

/** How far the top of the log may be above the viewport, in px of real rows. */
function travel({ total, rowHeight, viewport, wrap }: Geometry): number {
  return wrap ? total * rowHeight : Math.max(0, total * rowHeight - viewport);
}

/** The line at the upper edge for a position of the scroll bar. */
export function anchorAt(geometry: Geometry, scrollTop: number): Anchor {
  const range = scrollHeight(geometry) - geometry.viewport;
  if (range <= 0 || geometry.total === 0) return { line: 0, offset: 0 };
  // Multiplied first: where both are equal the result is exact.
  const top = (Math.min(range, Math.max(0, scrollTop)) * travel(geometry)) / range;
  const line = Math.min(geometry.total - 1, Math.floor(top / geometry.rowHeight));
  return { line, offset: geometry.wrap ? 0 : top - line * geometry.rowHeight };
}

/** The scroll bar's position for an anchor; the inverse of `anchorAt`. */
export function scrollTopOf(geometry: Geometry, anchor: Anchor): number {
  const all = travel(geometry);
  if (all <= 0) return 0;
  const offset = geometry.wrap ? 0 : anchor.offset;
  const share = (anchor.line * geometry.rowHeight + offset) / all;
  return Math.min(1, share) * (scrollHeight(geometry) - geometry.viewport);
}

/**
 * The anchor after moving by `delta` px over rows of the given heights. Stops at the first line;
 * the end is the view's business, which knows how high the last rows are.
 */
export function moveAnchor(
  anchor: Anchor,
  delta: number,
  total: number,
  heightOf: (line: number) => number,
): Anchor {
  let { line } = anchor;
  let offset = anchor.offset + delta;
  while (offset < 0 && line > 0) {
    line -= 1;
    offset += heightOf(line);
  }
  if (offset < 0) return { line: 0, offset: 0 };
  while (line < total - 1 && offset >= heightOf(line)) {
    offset -= heightOf(line);
    line += 1;
  }
  return { line, offset };
}
