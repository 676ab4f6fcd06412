import { ChevronDown, Search } from "lucide-react";
import { sentence } from "../../components/error-note.tsx";
import { Icon } from "../../components/icon.tsx";
import { Kbd } from "../../components/kbd.tsx";
import { Menu } from "../../components/menu.tsx";
import { cx } from "../../components/cx.ts";
import { useConnection, useConnectionTrouble, useManager } from "../../queries/client.tsx";
import { useServiceSetUp } from "../../queries/manager.ts";
import { useSystem } from "../../queries/system.ts";
import { goTo } from "../../state/layout.ts";
import { showManager } from "../../state/manager.ts";
import { openPalette, openShortcuts } from "../../state/overlays.ts";
import { chooseTheme, useTheme } from "../../state/theme.ts";
import { managerOptions } from "../manager/manager-switch.tsx";
import { ProductMark } from "./mark.tsx";

export function Header() {
  return (
    <header className="header">
      <div className="header__mark">
        <ProductMark />
        <span>Shimyard</span>
      </div>
      <button type="button" className="header__palette" onClick={openPalette}>
        <Icon of={Search} size={14} />
        <span className="truncate">Search or run a command</span>
        <Kbd keys="Ctrl K" />
      </button>
      <HostChip />
    </header>
  );
}

function HostChip() {
  const connection = useConnection();
  const trouble = useConnectionTrouble();
  const manager = useManager();
  const setUp = useServiceSetUp();
  const system = useSystem();
  const theme = useTheme((state) => state.choice);
  const user = system
    ? system.user.rootless
      ? `${system.user.name}, rootless`
      : system.user.name
    : undefined;
  const words = {
    connected: [managerOptions.find(({ value }) => value === manager)?.label, user]
      .filter(Boolean)
      .join(" · "),
    reconnecting: "Reconnecting…",
    closed: "Disconnected",
  };
  return (
    <Menu
      entries={[
        ...(system
          ? [{ kind: "heading" as const, label: `${system.hostname} · ${system.distribution}` }]
          : []),
        ...(trouble ? [{ kind: "heading" as const, label: sentence(trouble.message) }] : []),
        ...(setUp && !setUp.same
          ? managerOptions.map(({ value, label }) => ({
              label,
              checked: value === manager,
              onSelect: () => value !== manager && showManager(value),
            }))
          : []),
        { kind: "separator" },
        { label: "System", onSelect: () => goTo("system") },
        { label: "Keyboard shortcuts", shortcut: "?", onSelect: openShortcuts },
        { kind: "separator" },
        { kind: "heading", label: "Appearance" },
        {
          label: "As the system",
          checked: theme === "system",
          onSelect: () => chooseTheme("system"),
        },
        { label: "Dark", checked: theme === "dark", onSelect: () => chooseTheme("dark") },
        { label: "Light", checked: theme === "light", onSelect: () => chooseTheme("light") },
      ]}
    >
      <button type="button" className={cx("host-chip", `host-chip--${connection}`)}>
        <i />
        <span className="truncate">{words[connection]}</span>
        <Icon of={ChevronDown} size={14} />
      </button>
    </Menu>
  );
}
