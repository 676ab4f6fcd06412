import { ChevronRight } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { Icon } from "./icon.tsx";
import "./disclosure.css";

/** A part that is closed at first. `summary` says at its right what is set inside. */
export function Disclosure(props: {
  label: string;
  summary?: ReactNode;
  initiallyOpen?: boolean;
  /** Opens it from outside, as when a field within is at fault. */
  force?: boolean;
  children: ReactNode;
}) {
  const [chosen, setChosen] = useState(props.initiallyOpen ?? false);
  const open = chosen || Boolean(props.force);
  const id = useId();
  return (
    <section className="disclosure">
      <button
        type="button"
        className="disclosure__toggle"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setChosen(!open)}
      >
        <Icon of={ChevronRight} size={14} />
        {props.label}
        {!open && props.summary && <span className="disclosure__summary">{props.summary}</span>}
      </button>
      {open && (
        <div id={id} className="disclosure__body">
          {props.children}
        </div>
      )}
    </section>
  );
}
