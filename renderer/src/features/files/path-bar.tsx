import { ChevronRight, CornerLeftUp } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { shownName, splitPath } from "#shared/base/file-names";
import { IconButton } from "../../components/button.tsx";
import { Icon } from "../../components/icon.tsx";
import { crumbs } from "./file-view.ts";

/** Where one is: each step leads there; a click beside them, or Ctrl L, lets one type a path. */
export function PathBar(props: {
  path: string;
  typing: boolean;
  onTyping: (typing: boolean) => void;
  onGo: (path: string) => void;
}) {
  const { path, typing, onTyping, onGo } = props;
  const steps = crumbs(path);
  return (
    <nav className="path-bar" aria-label="Path">
      <IconButton
        size="small"
        icon={CornerLeftUp}
        label="Up"
        shortcut="Backspace"
        disabledReason={path === "/" && "this is the root directory"}
        onClick={() => onGo(splitPath(path).directory)}
      />
      {typing ? (
        <PathField path={path} onGo={onGo} onClose={() => onTyping(false)} />
      ) : (
        <div className="path-bar__steps" onDoubleClick={() => onTyping(true)}>
          {steps.map((step, index) => (
            <span key={step.path} className="path-bar__step">
              {index > 1 && <Icon of={ChevronRight} size={12} />}
              <button
                type="button"
                aria-current={index === steps.length - 1 ? "location" : undefined}
                onClick={() => onGo(step.path)}
              >
                {shownName(step.name)}
              </button>
            </span>
          ))}
          <span key={path} ref={scrollHere} />
        </div>
      )}
    </nav>
  );
}

/** The last steps are what matters where there is no room for all. */
const scrollHere = (end: HTMLElement | null): void =>
  end?.scrollIntoView?.({ block: "nearest", inline: "end" });

function PathField(props: { path: string; onGo: (path: string) => void; onClose: () => void }) {
  const { path, onGo, onClose } = props;
  const [text, setText] = useState(path);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  return (
    <form
      className="path-bar__field"
      data-escape
      onSubmit={(event) => {
        event.preventDefault();
        const typed = text.trim().replace(/(.)\/+$/, "$1");
        onGo(typed.startsWith("/") ? typed : `/${typed}`);
        onClose();
      }}
    >
      <input
        ref={input}
        className="mono"
        aria-label="Go to path"
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={onClose}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          onClose();
        }}
      />
    </form>
  );
}
