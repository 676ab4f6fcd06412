import { Plus, Puzzle } from "lucide-react";
import { useState } from "react";
import type { ExtensionCandidate } from "#shared/contract/extensions";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Page } from "../../components/page.tsx";
import { useExtensions, useShippedExtensions } from "../../queries/extensions.ts";
import { ExtensionCard } from "./extension-card.tsx";
import { ExtensionPanel } from "./extension-panel.tsx";
import { InstallDialog } from "./install-dialog.tsx";
import "./extensions.css";

/** Extensions: what is installed, what comes with Shimyard, and the panel that is open. */
export function ExtensionsPage() {
  const extensions = useExtensions();
  const shipped = useShippedExtensions().data ?? [];
  const [installing, setInstalling] = useState<{ candidate?: ExtensionCandidate }>();
  const [shown, setShown] = useState<string>();
  const panel = shown === undefined ? undefined : extensions.items.get(shown);
  if (panel?.state.status === "running" && panel.manifest.panel) {
    return <ExtensionPanel extension={panel} onClose={() => setShown(undefined)} />;
  }
  const installed = [...extensions.items.values()].sort((a, b) =>
    a.manifest.title.localeCompare(b.manifest.title),
  );
  const available = shipped.filter(({ manifest }) => !extensions.items.has(manifest.name));
  return (
    <Page
      title="Extensions"
      tools={
        <>
          <span className="extensions__spacer" />
          <Button variant="primary" icon={Plus} onClick={() => setInstalling({})}>
            Install…
          </Button>
        </>
      }
    >
      {extensions.status !== "loading" && (
        <div className="extensions">
          {installed.map((extension) => (
            <ExtensionCard
              key={extension.id}
              extension={extension}
              onOpen={() => setShown(extension.id)}
            />
          ))}
          {available.map((candidate) => (
            <article
              key={candidate.path}
              className="extension extension--available"
              aria-label={candidate.manifest.title}
            >
              <header>
                <b>{candidate.manifest.title}</b>
                <span className="muted num">{candidate.manifest.version}</span>
                <span className="dim">comes with Shimyard</span>
                <span className="extensions__spacer" />
                <Button onClick={() => setInstalling({ candidate })}>Install…</Button>
              </header>
              <p className="muted">{candidate.manifest.description}</p>
            </article>
          ))}
          {installed.length === 0 && available.length === 0 && (
            <EmptyState icon={Puzzle} title="No extensions">
              An extension adds a panel to this window or an action to a container's menu. It runs
              in a container of its own.
            </EmptyState>
          )}
        </div>
      )}
      {installing && (
        <InstallDialog candidate={installing.candidate} onClose={() => setInstalling(undefined)} />
      )}
    </Page>
  );
}
