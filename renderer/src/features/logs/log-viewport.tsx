import {
  type ReactNode,
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import {
  type Anchor,
  anchorAt,
  type Geometry,
  maximumScrollHeight,
  moveAnchor,
  scrollHeight,
  scrollTopOf,
} from "./log-geometry.ts";
import { rowHeight } from "./log-row.tsx";

/** Rows drawn above and below what is seen, so that a wheel's step finds them measured. */
const overscan = 12;
/** The scroll bar is put where it belongs when nothing scrolled for this long, milliseconds. */
const idle = 150;

export interface LogViewportHandle {
  /** Brings a line into view, a third from the top; does not move when it is well in view already. */
  reveal(line: number): void;
  /** The first line that is seen. */
  topLine(): number;
  focus(): void;
}

export interface LogViewportProps {
  total: number;
  wrap: boolean;
  /** Stays at the end as lines come. */
  following: boolean;
  /** Scrolling up stops following, reaching the end begins it. */
  onFollowing: (following: boolean) => void;
  renderRow: (line: number) => ReactNode;
  label: string;
  ref: Ref<LogViewportHandle>;
}

/**
 * The rows that are seen, in a scroll space that may be smaller than the log. What is at the top edge
 * is a line and an offset (the anchor); the scroll bar follows it, or moves it.
 */
export function LogViewport(props: LogViewportProps) {
  const { total, wrap, following, onFollowing, renderRow, label, ref } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(0);
  const [anchor, setAnchor] = useState<Anchor>({ line: 0, offset: 0 });
  /** What is at the top edge after clamping: where a movement starts from. */
  const shown = useRef<Anchor>({ line: 0, offset: 0 });
  const drawn = useRef({ first: 0, heights: [] as number[], atEnd: false });
  const lastTop = useRef(0);
  /** The scroll position is ours to set: after a jump, while following, and when idle. */
  const sync = useRef(true);
  const downwards = useRef(false);
  const widest = useRef({ wrap, px: 0 });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const geometry: Geometry = { total, rowHeight, viewport: height, wrap };
  const exact = !wrap && total * rowHeight <= maximumScrollHeight;
  const seen = Math.ceil(height / rowHeight) + 1;
  const at = Math.min(anchor.line, Math.max(0, total - 1));
  const first = Math.max(0, (following ? total - seen : at) - overscan);
  const last = Math.min(total, following ? total : Math.max(at, 0) + seen + overscan);

  const jump = useCallback((to: Anchor) => {
    sync.current = true;
    downwards.current = false;
    setAnchor(to);
  }, []);

  useImperativeHandle(
    ref,
    () => ({
      reveal: (line) => {
        const visible = Math.floor(height / rowHeight);
        const top = shown.current.line;
        const inView = !wrap && line > top + 1 && line < top + visible - 2;
        onFollowing(false);
        jump(
          inView ? shown.current : { line: Math.max(0, line - Math.floor(visible / 3)), offset: 0 },
        );
      },
      topLine: () => shown.current.line,
      focus: () => scroller.current?.focus(),
    }),
    [height, wrap, onFollowing, jump],
  );

  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      sync.current = true;
      setHeight(element.clientHeight);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      clearTimeout(timer.current);
    };
  }, []);

  // Rows have their heights only now: the layer is moved before anything is painted.
  useLayoutEffect(() => {
    const element = scroller.current;
    const layer = rows.current;
    if (!element || !layer || height === 0) return;
    if (widest.current.wrap !== wrap) {
      widest.current = { wrap, px: 0 };
      sync.current = true;
    }
    const heights = Array.from(layer.children, (child) => (child as HTMLElement).offsetHeight);
    const content = heights.reduce((sum, each) => sum + each, 0);
    const above = heights.slice(0, at - first).reduce((sum, each) => sum + each, 0);
    const lowest = first === 0 ? Math.min(0, height - content) : height - content;
    let shift = following ? lowest : -(above + Math.max(0, anchor.offset));
    const atEnd = last === total && shift <= lowest + 0.5;
    if (atEnd) shift = lowest;
    layer.style.transform = `translateY(${shift}px)`;
    if (!wrap) {
      // Lines that fit are as wide as what is seen, which a scrollbar may narrow.
      if (layer.scrollWidth > element.clientWidth) {
        widest.current.px = Math.max(widest.current.px, layer.scrollWidth);
        layer.style.minWidth = `${widest.current.px}px`;
      }
    } else {
      layer.style.minWidth = "";
    }

    let line = first;
    let offset = -shift;
    for (const each of heights) {
      if (offset < each || line >= total - 1) break;
      offset -= each;
      line += 1;
    }
    shown.current = { line, offset: Math.max(0, offset) };
    drawn.current = { first, heights, atEnd };
    if (sync.current || following) {
      sync.current = false;
      element.scrollTop = following
        ? wrap
          ? scrollTopOf(geometry, shown.current)
          : element.scrollHeight
        : scrollTopOf(geometry, shown.current);
      lastTop.current = element.scrollTop;
    }
    if (atEnd && !following && downwards.current) {
      downwards.current = false;
      onFollowing(true);
    }
  });

  const settle = (): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (exact) return;
      sync.current = true;
      setAnchor({ ...shown.current });
    }, idle);
  };

  const scrolled = (): void => {
    const element = scroller.current;
    if (!element) return;
    const top = element.scrollTop;
    const delta = top - lastTop.current;
    // Sideways, or our own doing.
    if (Math.abs(delta) < 0.5) return;
    lastTop.current = top;
    downwards.current = delta > 0;
    if (following) {
      if (delta > 0) return;
      onFollowing(false);
    }
    const heightOf = (line: number): number =>
      drawn.current.heights[line - drawn.current.first] ?? rowHeight;
    let next: Anchor;
    if (top <= 0) next = { line: 0, offset: 0 };
    else if (exact || Math.abs(delta) > 2 * height) next = anchorAt(geometry, top);
    else next = moveAnchor(shown.current, delta, total, heightOf);
    setAnchor(next);
    settle();
  };

  return (
    // Keyboard users scroll it: it must take the focus.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div
      ref={scroller}
      className={wrap ? "log-viewport log-viewport--wrap" : "log-viewport"}
      role="log"
      aria-label={label}
      aria-live="off"
      tabIndex={0}
      onScroll={scrolled}
      onWheel={(event) => {
        // Before new lines can pull the end back under the pointer.
        if (event.deltaY < 0 && following && total * rowHeight > height) {
          setAnchor({ ...shown.current });
          onFollowing(false);
        }
      }}
    >
      <div style={{ height: scrollHeight(geometry) }}>
        <div className="log-viewport__window" style={{ height }}>
          <div ref={rows} className="log-viewport__rows">
            {Array.from({ length: Math.max(0, last - first) }, (_, index) => (
              <div key={first + index}>{renderRow(first + index)}</div>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}
