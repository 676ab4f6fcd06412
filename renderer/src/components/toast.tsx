import { CircleAlert, CircleCheck, Info, X } from "lucide-react";
import { useEffect } from "react";
import { Button, IconButton } from "./button.tsx";
import { errorInfo, OwnWords, sentence } from "./error-note.tsx";
import { Icon } from "./icon.tsx";
import { dismiss, type Toast, useToasts } from "./notices.ts";
import "./toast.css";

/** Milliseconds; long enough to read a line and reach for its action. */
const shownFor = 6000;

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
