import { useState } from "react";
import type { ContainerConfig } from "#shared/contract/containers";
import { writeRunLine } from "#shared/run-line/write-run-line";
import { CodeBlock } from "../../components/code-block.tsx";
import { sentence } from "../../components/error-note.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { writeDefinition } from "./definition.ts";
import "./create.css";

type Form = "docker" | "yaml" | "json";

/** A container as the line or the definition that makes one like it, to copy. */
export function RunLineView(props: { draft: ContainerConfig; image: string; start: boolean }) {
  const { draft, image, start } = props;
  const [form, setForm] = useState<Form>("docker");
  const line = writeRunLine(draft, image, start);
  const text = form === "docker" ? line.lines : writeDefinition(draft, image, form);
  return (
    <div className="run-line">
      <SegmentedControl
        label="Written as"
        value={form}
        onChange={setForm}
        options={[
          { value: "docker", label: "docker run" },
          { value: "yaml", label: "YAML" },
          { value: "json", label: "JSON" },
        ]}
      />
      <CodeBlock text={text} />
      {form === "docker" &&
        line.notes.map(({ flag, reason, lost }) => (
          <p key={flag} className="muted">
            <code className="mono">{flag}</code>
            {lost ? " is left out. " : ": "}
            {sentence(reason)}
          </p>
        ))}
    </div>
  );
}
