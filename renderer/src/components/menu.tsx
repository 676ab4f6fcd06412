import * as Context from "radix-ui/context-menu";
import * as Dropdown from "radix-ui/dropdown-menu";
import { Check, ChevronRight, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "./cx.ts";
import { Icon } from "./icon.tsx";
import { Kbd } from "./kbd.tsx";
import "./menu.css";

/** One line of a menu. The same list serves a dropdown and a context menu. */
export type MenuEntry =
  | {
      kind?: "item";
      label: string;
      icon?: LucideIcon;
      shortcut?: string;
      danger?: boolean;
      /** A radio or check mark; absent: none. */
      checked?: boolean;
      /** Why it can't be done now; shown under the label. */
      disabledReason?: string | false | undefined;
      onSelect: () => void;
    }
  | {
      kind: "submenu";
      label: string;
      icon?: LucideIcon;
      entries: MenuEntry[];
      disabledReason?: string | false | undefined;
    }
  | { kind: "heading"; label: string }
  | { kind: "separator" };

/** Radix has the same parts for both sorts of menu; only the root differs. */
type Parts = Pick<
  typeof Dropdown,
  "Item" | "Separator" | "Label" | "Sub" | "SubTrigger" | "SubContent" | "Portal"
>;

function Entries(props: { entries: MenuEntry[]; parts: Parts }): ReactNode {
  const { entries, parts } = props;
  const { Item, Separator, Label, Sub, SubTrigger, SubContent, Portal } = parts;
  return entries.map((entry, index) => {
    switch (entry.kind) {
      case "separator":
        // oxlint-disable-next-line react/no-array-index-key
        return <Separator key={`separator-${index}`} className="menu__separator" />;
      case "heading":
        return (
          <Label key={entry.label} className="menu__heading">
            {entry.label}
          </Label>
        );
      case "submenu":
        return (
          <Sub key={entry.label}>
            <SubTrigger className="menu__item" disabled={Boolean(entry.disabledReason)}>
              {entry.icon && <Icon of={entry.icon} />}
              <MenuLabel label={entry.label} reason={entry.disabledReason} />
              <Icon of={ChevronRight} size={14} className="menu__more" />
            </SubTrigger>
            <Portal>
              <SubContent className="menu" sideOffset={2} collisionPadding={8}>
                <Entries entries={entry.entries} parts={parts} />
              </SubContent>
            </Portal>
          </Sub>
        );
      default:
        return (
          <Item
            key={entry.label}
            className={cx("menu__item", entry.danger && "menu__item--danger")}
            disabled={Boolean(entry.disabledReason)}
            onSelect={entry.onSelect}
            aria-current={entry.checked || undefined}
          >
            {entry.checked !== undefined ? (
              entry.checked ? (
                <Icon of={Check} />
              ) : (
                <span className="menu__blank" />
              )
            ) : (
              entry.icon && <Icon of={entry.icon} />
            )}
            <MenuLabel label={entry.label} reason={entry.disabledReason} />
            {entry.shortcut && <Kbd keys={entry.shortcut} />}
          </Item>
        );
    }
  });
}

function MenuLabel(props: { label: string; reason?: string | false | undefined }) {
  return (
    <span className="menu__label">
      {props.label}
      {props.reason && <small>{props.reason}</small>}
    </span>
  );
}

/** A button's menu. The child is the trigger: one element that takes a ref. Not modal, so that no style is injected to lock scrolling (the CSP forbids it). */
export function Menu(props: {
  entries: MenuEntry[];
  align?: "start" | "center" | "end";
  side?: "top" | "right" | "bottom" | "left";
  onOpenChange?: (open: boolean) => void;
  children: ReactNode;
}) {
  return (
    <Dropdown.Root modal={false} onOpenChange={props.onOpenChange}>
      <Dropdown.Trigger asChild>{props.children}</Dropdown.Trigger>
      <Dropdown.Portal>
        <Dropdown.Content
          className="menu"
          align={props.align ?? "end"}
          side={props.side ?? "bottom"}
          sideOffset={4}
          collisionPadding={8}
          loop
        >
          <Entries entries={props.entries} parts={Dropdown} />
        </Dropdown.Content>
      </Dropdown.Portal>
    </Dropdown.Root>
  );
}

/** A menu on right click and on the menu key. `entries` is asked only when it opens. */
export function ContextMenu(props: {
  entries: () => MenuEntry[];
  onOpenChange?: (open: boolean) => void;
  children: ReactNode;
}) {
  return (
    <Context.Root modal={false} onOpenChange={props.onOpenChange}>
      <Context.Trigger asChild>{props.children}</Context.Trigger>
      <Context.Portal>
        <Context.Content className="menu" collisionPadding={8} loop>
          <LazyEntries entries={props.entries} />
        </Context.Content>
      </Context.Portal>
    </Context.Root>
  );
}

function LazyEntries(props: { entries: () => MenuEntry[] }) {
  return <Entries entries={props.entries()} parts={Context} />;
}
