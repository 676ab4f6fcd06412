import type { ReactNode } from "react";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { errorInfo, ErrorNote, sentence } from "../../components/error-note.tsx";
import { closeOverlay } from "../../state/overlays.ts";
import "./request-form.css";

/** What a form needs to know of the mutation that it runs. */
export interface Running {
  isPending: boolean;
  error: unknown;
  reset: () => void;
}

/** Nothing runs while the form is open: it closes at once, and what follows is shown elsewhere. */
export const notRunning: Running = { isPending: false, error: undefined, reset: () => undefined };

/** The words of a failure at the field that it names; one with output of its own is shown whole instead. */
export function fieldError(run: Running, field: string): string | undefined {
  if (!run.error) return undefined;
  const { message, details } = errorInfo(run.error);
  const at = details.field?.replace(/^input\./, "");
  const here = at === field || at?.startsWith(`${field}.`);
  if (!here || details.output !== undefined) return undefined;
  // The field is seen: it need not be named.
  const prefix = `${details.field}: `;
  const words = message.startsWith(prefix) ? message.slice(prefix.length) : message;
  return details.hint === undefined ? words : `${sentence(words)} ${details.hint}`;
}

/** A dialog that fills in one request: it stays open while that fails, and can be closed while it goes on. */
export function RequestForm(props: {
  title: string;
  description?: ReactNode;
  /** The verb: `Save`. */
  action: string;
  /** Said above the fields when it fails: `Nothing was saved`. */
  failure: string;
  /** Names of the fields that show their own error. */
  fields: readonly string[];
  run: Running;
  ready: boolean;
  disabledReason?: string | false | undefined;
  onSubmit: () => void;
  /** For who opened it otherwise than as the window's overlay. */
  onClose?: () => void;
  size?: "small" | "medium";
  children: ReactNode;
}) {
  const { title, description, action, failure, fields, run, ready, disabledReason } = props;
  const { onSubmit, onClose = closeOverlay, size = "small", children } = props;
  const atField = fields.some((field) => fieldError(run, field) !== undefined);
  const submit = (): void => {
    if (ready && !disabledReason && !run.isPending) onSubmit();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={title}
      description={description}
      size={size}
      footer={
        <>
          <Button onClick={onClose}>{run.isPending ? "Close, it goes on" : "Cancel"}</Button>
          <Button
            variant="primary"
            busy={run.isPending}
            disabled={!ready}
            disabledReason={disabledReason}
            onClick={submit}
          >
            {action}
          </Button>
        </>
      }
    >
      <form
        className="request-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {Boolean(run.error) && !atField && (
          <ErrorNote title={failure} error={run.error} onDismiss={run.reset} />
        )}
        {children}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
