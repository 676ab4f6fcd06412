import { useEffect, useRef, useState } from "react";
import type { Container } from "#shared/contract/containers";
import { Tooltip } from "../../components/tooltip.tsx";
import { useNameCheck } from "../../queries/name-check.ts";
import type { Commands } from "./commands.ts";

/** A name, edited in its place: Enter keeps it, Escape leaves it. */
export function RenameField(props: { container: Container; commands: Commands }) {
  const { container, commands } = props;
  const [name, setName] = useState(container.name);
  const input = useRef<HTMLInputElement>(null);
  const problem = useNameCheck(name === container.name ? undefined : name);
  useEffect(() => input.current?.select(), []);
  const done = (): void => commands.endRename();
  return (
    <Tooltip content={problem}>
      <input
        ref={input}
        className="containers__rename"
        aria-label={`New name of ${container.name}`}
        aria-invalid={problem ? true : undefined}
        spellCheck={false}
        value={name}
        onChange={(event) => setName(event.target.value)}
        onClick={(event) => event.stopPropagation()}
        onBlur={done}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") done();
          if (event.key !== "Enter" || problem) return;
          done();
          if (name !== container.name) commands.rename(container.id, name);
        }}
      />
    </Tooltip>
  );
}
