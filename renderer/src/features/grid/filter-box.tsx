import { ListFilter, X } from "lucide-react";
import { useRef } from "react";
import { IconButton } from "../../components/button.tsx";
import { TextField } from "../../components/fields.tsx";
import { Kbd } from "../../components/kbd.tsx";

/** What narrows a grid: Escape empties it, Arrow down and Enter go on to the grid. */
export function FilterBox(props: {
  label: string;
  /** What can be written in it, on hover. */
  title: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const { label, title, value, onChange } = props;
  const input = useRef<HTMLInputElement>(null);
  return (
    <TextField
      ref={input}
      className="page__filter"
      label={label}
      hideLabel
      icon={ListFilter}
      placeholder="Filter"
      title={title}
      value={value}
      onChange={onChange}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          if (value) onChange("");
          input.current?.blur();
        } else if (event.key === "ArrowDown" || event.key === "Enter") {
          document.querySelector<HTMLElement>("[role=grid]")?.focus();
        } else return;
        event.preventDefault();
        event.stopPropagation();
      }}
      trailing={
        value ? (
          <IconButton size="small" icon={X} label="Clear the filter" onClick={() => onChange("")} />
        ) : (
          <Kbd keys="/" />
        )
      }
    />
  );
}
