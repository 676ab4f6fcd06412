import { CircleAlert, CircleCheck, Info, X } from "lucide-react";
import { useEffect } from "react";
import { create } from "zustand";
import { Button, IconButton } from "./button.tsx";
import { errorInfo, OwnWords, sentence } from "./error-note.tsx";
import { Icon } from "./icon.tsx";
import "./toast.css";

export interface Toast {
  tone: "good" | "bad" | "info";
  title: string;
  /** Shown with hint and own words; such a toast stays until it is closed. */
  error?: unknown;
  action?: { label: string; run: () => void };
}

interface ToastState {
  toasts: (Toast & { id: number })[];
  /** The live region's text: an outcome for screen readers. */
  spoken: string;
}

const useToasts = create<ToastState>(() => ({ toasts: [], spoken: "" }));
let nextId = 1;
/** At most this many at once; the oldest makes room. */
const most = 4;
/** Milliseconds; long enough to read a line and reach for its action. */
const shownFor = 6000;

/** Shows an outcome that has no place of its own. One with a row or a field is shown there instead. */
export function notify(toast: Toast): void {
  const id = nextId++;
  useToasts.setState((state) => ({ toasts: [...state.toasts, { ...toast, id }].slice(-most) }));
  if (toast.tone !== "bad") announce(toast.title);
}

/** Says something to screen readers only. */
export function announce(text: string): void {
  // A text that is said twice must differ to be heard again.
  useToasts.setState((state) => ({ spoken: state.spoken === text ? `${text}\u00a0` : text }));
}

function dismiss(id: number): void {
  useToasts.setState((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) }));
}

/** Mounted once. `bottom`: px from the window's lower edge, for what must not be covered. */
export function Toaster(props: { bottom: number }) {
  const toasts = useToasts((state) => state.toasts);
  const spoken = useToasts((state) => state.spoken);
  return (
    <>
      <div className="visually-hidden" role="status" aria-live="polite">
        {spoken}
      </div>
      <ol className="toasts" aria-label="Notices" style={{ bottom: props.bottom }}>
        {toasts.map((toast) => (
          <ToastItem key={toast.id} toast={toast} />
        ))}
      </ol>
    </>
  );
}

const icons = { good: CircleCheck, bad: CircleAlert, info: Info };

function ToastItem(props: { toast: Toast & { id: number } }) {
  const { toast } = props;
  const { id, tone, title, error, action } = toast;
  useEffect(() => {
    if (error !== undefined) return undefined;
    const timer = setTimeout(() => dismiss(id), shownFor);
    return () => clearTimeout(timer);
  }, [id, error]);
  const info = error === undefined ? undefined : errorInfo(error);
  return (
    <li className={`toast toast--${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon of={icons[tone]} className="toast__icon" />
      <div className="toast__text selectable">
        <p className="toast__title">{title}</p>
        {info && <p className="muted">{sentence(info.message)}</p>}
        {info?.details.hint && <p className="muted">{sentence(info.details.hint)}</p>}
        {info?.details.output && <OwnWords output={info.details.output} />}
      </div>
      {action && (
        <Button
          variant="link"
          onClick={() => {
            dismiss(id);
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <IconButton size="small" icon={X} label="Dismiss" onClick={() => dismiss(id)} />
    </li>
  );
}
