import { Maximize2, Minimize2, X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "../../components/button.tsx";
import { ErrorBoundary } from "../../components/error-boundary.tsx";
import { toggleInspectorFull, useLayout } from "../../state/layout.ts";

/** The inspector's place: its buttons lie in the upper right corner, where the content leaves 72 px. */
export function InspectorFrame(props: {
  label: string;
  /** What is inspected. */
  of: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const { label, of, onClose, children } = props;
  const full = useLayout((state) => state.inspectorFull);
  return (
    <aside className="inspector-frame" data-full={full || undefined} aria-label={label}>
      <div className="inspector-frame__tools">
        <IconButton
          size="small"
          icon={full ? Minimize2 : Maximize2}
          label={full ? "Show beside the list" : "Widen to the whole page"}
          shortcut="Shift Enter"
          onClick={toggleInspectorFull}
        />
        <IconButton size="small" icon={X} label="Close" shortcut="Esc" onClick={onClose} />
      </div>
      <ErrorBoundary of={of} className="work__failed">
        {children}
      </ErrorBoundary>
    </aside>
  );
}
