import { ChevronRight, CircleAlert, TriangleAlert, X } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { AppError } from "#shared/errors";
import type { ErrorInfo } from "#shared/errors";
import { IconButton } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { cx } from "./cx.ts";
import { Icon } from "./icon.tsx";
import "./error-note.css";

/** Any thrown value, or an error that came as data, as one shape. */
export function errorInfo(error: unknown): ErrorInfo {
  if (isErrorInfo(error))
    return { code: error.code, message: error.message, details: error.details };
  return AppError.from(error).toInfo();
}

function isErrorInfo(value: unknown): value is ErrorInfo {
  return typeof value === "object" && value !== null && "code" in value && "details" in value;
}

/** What happened, to what, what to do; the words of whoever refused a click away, copyable. */
export function ErrorNote(props: {
  error: unknown;
  /** What was being tried: `Starting web`. */
  title?: string;
  onDismiss?: () => void;
  actions?: ReactNode;
  className?: string;
}) {
  const { title, onDismiss, actions, className } = props;
  const { code, message, details } = errorInfo(props.error);
  return (
    <div className={cx("note note--bad", className)} role="alert">
      <Icon of={CircleAlert} className="note__icon" />
      <div className="note__text">
        <p className="selectable">
          {title && <b>{title}: </b>}
          {sentence(message)}
        </p>
        {details.hint && <p className="muted selectable">{sentence(details.hint)}</p>}
        {details.output && <OwnWords output={details.output} />}
        {actions && <div className="note__actions">{actions}</div>}
      </div>
      <CopyButton
        size="small"
        label="Copy error"
        text={() =>
          [message, details.hint, details.subject, code, details.output].filter(Boolean).join("\n")
        }
      />
      {onDismiss && <IconButton size="small" icon={X} label="Dismiss" onClick={onDismiss} />}
    </div>
  );
}

/** The unedited words of runc, criu or the kernel. */
export function OwnWords(props: { output: string; open?: boolean }) {
  const [open, setOpen] = useState(props.open ?? false);
  const id = useId();
  return (
    <div className="own-words">
      <button
        type="button"
        className="own-words__toggle"
        aria-expanded={open}
        aria-controls={id}
        onClick={(event) => {
          event.stopPropagation();
          setOpen(!open);
        }}
      >
        <Icon of={ChevronRight} size={13} />
        What it said
      </button>
      {open && (
        <pre id={id} className="own-words__text mono selectable">
          {props.output.trimEnd()}
        </pre>
      )}
    </div>
  );
}

/** Something to know that is no failure. */
export function Notice(props: {
  tone?: "info" | "warn";
  children: ReactNode;
  onDismiss?: () => void;
  className?: string;
}) {
  const { tone = "info", children, onDismiss, className } = props;
  return (
    <div className={cx("note", `note--${tone}`, className)} role="status">
      <Icon of={tone === "warn" ? TriangleAlert : CircleAlert} className="note__icon" />
      <div className="note__text selectable">{children}</div>
      {onDismiss && <IconButton size="small" icon={X} label="Dismiss" onClick={onDismiss} />}
    </div>
  );
}

/** Messages come without a final full stop; shown as a sentence they have one. */
export function sentence(text: string): string {
  return /[.!?…:]$/.test(text) ? text : `${text}.`;
}
