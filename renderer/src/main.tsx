import "./zod-without-eval.ts";
import "./styles/index.css";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { EmptyState } from "./components/empty-state.tsx";
import { errorInfo } from "./components/error-note.tsx";
import type { WindowConnection } from "./queries/client.tsx";
import { followTheme } from "./state/theme.ts";
import { connect } from "./transport.ts";

/** The core; in a development build (`vite build --mode design`), `?fake=...` gives one without a machine. */
async function open(): Promise<WindowConnection> {
  if (import.meta.env.MODE !== "production") {
    const { fakeFromAddress } = await import("./testing/fake-from-address.ts");
    const fake = fakeFromAddress(location.search);
    if (fake) return fake;
  }
  return connect();
}

followTheme();
const element = document.getElementById("root");
if (!element) throw new Error("index.html has no #root");
const root = createRoot(element);
open().then(
  (connection) => root.render(<App connection={connection} />),
  (error: unknown) => {
    const { message, details } = errorInfo(error);
    root.render(<EmptyState title={message}>{details.hint}</EmptyState>);
  },
);
