import { FilePen } from "lucide-react";
import { useState } from "react";
import type { ProjectDetail } from "#shared/contract/projects";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { openOverlay } from "../../state/overlays.ts";
import { NoteList } from "./note-list.tsx";
import { type SourcePlace, SourceView } from "./source-view.tsx";

/** A project's compose file with what is said of its lines. */
export function SourceTab(props: { detail: ProjectDetail }) {
  const { source, notes, project } = props.detail;
  const [at, setAt] = useState<SourcePlace>();
  if (!source) {
    return (
      <EmptyState
        title="Its compose file is not known here"
        actions={
          <Button onClick={() => openOverlay({ kind: "import-project" })}>Import it…</Button>
        }
      >
        {project.id} is seen from the labels of its containers.
      </EmptyState>
    );
  }
  return (
    <div className="project__source">
      <div className="project__source-head">
        <span className="mono dim truncate">{source.directory ?? "pasted"}</span>
        {source.profiles.length > 0 && (
          <span className="muted">with {source.profiles.join(", ")}</span>
        )}
        <span className="spacer" />
        <Button icon={FilePen} onClick={() => openOverlay({ kind: "import-project", source })}>
          Change or read again…
        </Button>
      </div>
      <NoteList notes={notes} onLine={(file, line) => setAt({ file, line })} />
      <SourceView source={source} notes={notes} at={at} />
    </div>
  );
}
