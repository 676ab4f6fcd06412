import { useEffect, useRef, useState } from "react";
import { nameTerminal, type TerminalTab } from "../../state/dock.ts";

/** A terminal's name, edited in its tab: Enter keeps it, an empty one is the terminal's own again, Escape leaves it. */
export function TabNameField(props: { tab: TerminalTab; shown: string; onDone: () => void }) {
  const { tab, shown, onDone } = props;
  const [name, setName] = useState(tab.label ?? "");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  return (
    <input
      ref={input}
      className="dock-tab__name"
      aria-label={`New name of ${shown}`}
      placeholder={shown}
      spellCheck={false}
      maxLength={64}
      value={name}
      onChange={(event) => setName(event.target.value)}
      onClick={(event) => event.stopPropagation()}
      onDoubleClick={(event) => event.stopPropagation()}
      onBlur={onDone}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") nameTerminal(tab.key, name);
        if (event.key === "Enter" || event.key === "Escape") onDone();
      }}
    />
  );
}
