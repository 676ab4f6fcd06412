import { ArrowLeft } from "lucide-react";
import { useRef } from "react";
import type { Extension } from "#shared/contract/extensions";
import { Button } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Page } from "../../components/page.tsx";
import { usePanel } from "../../queries/extensions.ts";
import { tellTheme, usePanelBridge } from "./panel-bridge.ts";

/** The page that an extension serves, in a frame that can do nothing but run its own scripts and ask. */
export function ExtensionPanel(props: { extension: Extension; onClose: () => void }) {
  const { extension, onClose } = props;
  const { id, manifest } = extension;
  const { data, error } = usePanel(id);
  const frame = useRef<HTMLIFrameElement>(null);
  usePanelBridge(id, frame);
  return (
    <Page
      title={manifest.title}
      tools={
        <>
          <span className="extensions__spacer" />
          <Button icon={ArrowLeft} onClick={onClose}>
            All extensions
          </Button>
        </>
      }
    >
      {error && <ErrorNote className="extensions__error" error={error} />}
      {data && (
        <iframe
          ref={frame}
          className="extensions__frame"
          title={manifest.title}
          sandbox="allow-scripts"
          src={data.url}
          referrerPolicy="no-referrer"
          onLoad={({ currentTarget }) => tellTheme(currentTarget)}
        />
      )}
    </Page>
  );
}
