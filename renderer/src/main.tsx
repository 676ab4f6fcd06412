import "./zod-without-eval.ts";
import "./styles/index.css";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { EmptyState } from "./components/empty-state.tsx";
import { errorInfo } from "./components/error-note.tsx";
import type { WindowConnections } from "./queries/client.tsx";
import { shownManager } from "./state/manager.ts";
import { followTheme } from "./state/theme.ts";
import { connect } from "./transport.ts";

/** The core; in a development build (`vite build --mode design`), `?fake=...` gives one without a machine. */
async function open(): Promise<WindowConnections> {
  if (import.meta.env.MODE !== "production") {
    const { fakeFromAddress } = await import("./testing/fake-from-address.ts");
    const fake = fakeFromAddress(location.search);
    if (fake) return fake;
  }
  return { manager: shownManager, ...(await connect(shownManager)) };
}

followTheme();
const element = document.getElementById("root");
if (!element) throw new Error("index.html has no #root");
const root = createRoot(element);
open().then(
  (connections) => root.render(<App connections={connections} />),
  (error: unknown) => {
    const { message, details } = errorInfo(error);
    root.render(<EmptyState title={message}>{details.hint}</EmptyState>);
  },
);
