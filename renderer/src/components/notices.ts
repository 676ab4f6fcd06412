import { create } from "zustand";

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

export const useToasts = create<ToastState>(() => ({ toasts: [], spoken: "" }));
let nextId = 1;
/** At most this many at once; the oldest makes room. */
const most = 4;

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

export function dismiss(id: number): void {
  useToasts.setState((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) }));
}
