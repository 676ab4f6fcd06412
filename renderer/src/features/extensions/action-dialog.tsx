import { Button } from "../../components/button.tsx";
import { CodeBlock } from "../../components/code-block.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { useContainer } from "../../queries/containers.ts";
import { useActionResult, useExtensions } from "../../queries/extensions.ts";
import { closeOverlay } from "../../state/overlays.ts";
import "./extensions.css";

/** Runs an extension's action for a container, and shows what it said. */
export function ActionDialog(props: { id: string; action: string; containerId: string }) {
  const { id, action, containerId } = props;
  const container = useContainer(containerId);
  const manifest = useExtensions().items.get(id)?.manifest;
  const { data, error, isFetching } = useActionResult({ id, action, containerId });
  const title = manifest?.actions.find((one) => one.id === action)?.title ?? action;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title={`${title}: ${container?.name ?? containerId.slice(0, 12)}`}
      size="medium"
      footer={
        <Button variant="primary" onClick={closeOverlay}>
          Close
        </Button>
      }
    >
      <div className="extensions__form" aria-live="polite">
        {error && <ErrorNote title={manifest?.title ?? id} error={error} />}
        {isFetching && !data && <Spinner size={18} />}
        {data?.stdout.trim() && <CodeBlock text={data.stdout.trimEnd()} label="Copy" />}
        {data && data.exitCode !== 0 && (
          <ErrorNote
            error={{
              code: "INTERNAL",
              message: `It ended with status ${data.exitCode}`,
              details: data.stderr.trim() ? { output: data.stderr } : {},
            }}
          />
        )}
        {data?.exitCode === 0 && !data.stdout.trim() && <p className="muted">Done.</p>}
      </div>
    </Dialog>
  );
}
