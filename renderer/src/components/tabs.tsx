import * as Radix from "radix-ui/tabs";
import { Ellipsis } from "lucide-react";
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { IconButton } from "./button.tsx";
import { fitTabs } from "./fit-tabs.ts";
import { Menu } from "./menu.tsx";
import "./tabs.css";

export interface TabItem<V extends string> {
  value: V;
  label: string;
  count?: number | undefined;
  content: ReactNode;
}

/** What a tab has on either side of its words, and the button for those without room with its distance, px; see tabs.css. */
const inset = 8;
const button = 26 + 2 * inset;

/**
 * Tabs under a hairline; only the chosen one's content exists. Those without room are in a menu at
 * the end; the arrow keys go through all of them.
 */
export function Tabs<V extends string>(props: {
  label: string;
  value: V;
  onChange: (value: V) => void;
  items: TabItem<V>[];
}) {
  const { label, value, onChange, items } = props;
  const { list, shown } = useFitting(items, value);
  const hidden = items.filter((_, index) => shown && !shown.includes(index));
  return (
    <Radix.Root className="tabs" value={value} onValueChange={(next) => onChange(next as V)}>
      <div className="tabs__bar">
        <Radix.List ref={list} className="tabs__list" aria-label={label}>
          {items.map((item) => (
            <Radix.Trigger
              key={item.value}
              value={item.value}
              className="tabs__tab"
              data-hidden={hidden.includes(item) || undefined}
            >
              {item.label}
              {item.count !== undefined && <span className="num dim">{item.count}</span>}
            </Radix.Trigger>
          ))}
        </Radix.List>
        {hidden.length > 0 && (
          <Menu
            entries={hidden.map((item) => ({
              label: item.count === undefined ? item.label : `${item.label} ${item.count}`,
              onSelect: () => onChange(item.value),
            }))}
          >
            <IconButton icon={Ellipsis} size="small" label={`${hidden.length} more tabs`} />
          </Menu>
        )}
      </div>
      {items.map((item) => (
        <Radix.Content key={item.value} value={item.value} className="tabs__panel" tabIndex={-1}>
          {item.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}

/** For the element of the list; `shown` are the indices that have room, undefined until measured. */
function useFitting<V extends string>(items: readonly TabItem<V>[], value: V) {
  const list = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<readonly number[]>();
  const chosen = Math.max(
    0,
    items.findIndex((item) => item.value === value),
  );
  useLayoutEffect(() => {
    const element = list.current;
    const bar = element?.parentElement;
    if (!element || !bar) return undefined;
    const measure = (): void => {
      const { paddingLeft, paddingRight } = getComputedStyle(bar);
      // Without a layout there is no padding: then it is an empty text.
      const padding = (parseFloat(paddingLeft) || 0) + (parseFloat(paddingRight) || 0);
      const widths = Array.from(
        element.querySelectorAll<HTMLElement>("[role=tab]"),
        // What it takes without being rounded down: 0.4 px too little is a tab cut off.
        (tab) => tab.getBoundingClientRect().width,
      );
      const next = fitTabs({
        ...{ widths, button, chosen },
        // The list reaches out by that much on both sides.
        available: bar.clientWidth - padding + 2 * inset,
      });
      setShown((before) => (before && String(before) === String(next) ? before : next));
      // Focus brings a hidden tab into view before it is chosen, and so shown.
      element.scrollLeft = 0;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(bar);
    // A count that comes or grows makes its tab wider.
    for (const tab of element.children) observer.observe(tab);
    return () => observer.disconnect();
  }, [chosen]);
  return { list, shown };
}
