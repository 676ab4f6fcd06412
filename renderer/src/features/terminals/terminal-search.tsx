import { ChevronDown, ChevronUp, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "../../components/button.tsx";
import { count } from "../../components/format.ts";
import type { TerminalScreen } from "../../terminals/terminal-screen.ts";

/** Finds text on a terminal's screen and above it. */
export function TerminalSearch(props: { screen: TerminalScreen; onClose: () => void }) {
  const { screen, onClose } = props;
  const [text, setText] = useState("");
  const [matches, setMatches] = useState({ index: -1, count: 0 });
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    input.current?.focus();
    const stop = screen.onMatches(setMatches);
    return () => {
      stop();
      screen.find("", 1, false);
    };
  }, [screen]);

  return (
    <div className="terminal-search" role="search">
      <input
        ref={input}
        className="mono"
        aria-label="Search this terminal"
        placeholder="Search"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          screen.find(event.target.value, 1, true);
        }}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          else if (event.key === "Enter") screen.find(text, event.shiftKey ? -1 : 1, false);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <span className="num terminal-search__count" aria-live="polite">
        {text !== "" &&
          (matches.count === 0
            ? "none"
            : matches.index < 0
              ? `${count(matches.count)}+`
              : `${count(matches.index + 1)} of ${count(matches.count)}`)}
      </span>
      <IconButton
        size="small"
        icon={ChevronUp}
        label="Previous match"
        shortcut="Shift Enter"
        onClick={() => screen.find(text, -1, false)}
      />
      <IconButton
        size="small"
        icon={ChevronDown}
        label="Next match"
        shortcut="Enter"
        onClick={() => screen.find(text, 1, false)}
      />
      <IconButton size="small" icon={X} label="Close search" shortcut="Esc" onClick={onClose} />
    </div>
  );
}
