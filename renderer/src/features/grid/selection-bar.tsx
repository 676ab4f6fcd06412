import { X } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "../../components/button.tsx";
import { plural } from "../../components/format.ts";

/** What can be done to all rows that are ticked. */
export function SelectionBar(props: {
  count: number;
  /** One of them: `image`. */
  noun: string;
  onClear: () => void;
  children: ReactNode;
}) {
  const { count, noun, onClear, children } = props;
  return (
    <div className="bulk-bar" role="toolbar" aria-label={`Actions on the selected ${noun}s`}>
      <b className="num">{plural(count, noun)}</b>
      {children}
      <span className="spacer" />
      <IconButton icon={X} label="Clear the selection" shortcut="Esc" onClick={onClear} />
    </div>
  );
}
