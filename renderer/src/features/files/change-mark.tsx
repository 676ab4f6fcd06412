import type { FileChange } from "#shared/contract/files";
import { Tooltip } from "../../components/tooltip.tsx";

const marks: Record<FileChange["change"], { letter: string; tip: string }> = {
  added: { letter: "A", tip: "Added: the image has nothing there" },
  modified: { letter: "M", tip: "Modified: not as in the image" },
  deleted: { letter: "D", tip: "Deleted: the image has it" },
};

/** What the container did to what its image has there, as one letter. */
export function ChangeMark(props: { change: FileChange["change"] }) {
  const { letter, tip } = marks[props.change];
  return (
    <Tooltip content={tip}>
      <abbr className={`change-mark change-mark--${props.change}`} aria-label={props.change}>
        {letter}
      </abbr>
    </Tooltip>
  );
}
