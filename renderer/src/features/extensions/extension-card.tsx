import { PanelTop, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Extension } from "#shared/contract/extensions";
import { Button, IconButton } from "../../components/button.tsx";
import { CodeBlock } from "../../components/code-block.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { Disclosure } from "../../components/disclosure.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Switch } from "../../components/fields.tsx";
import { KeyValue, KeyValues } from "../../components/key-value.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Moment, Since } from "../../components/since.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { announce } from "../../components/notices.ts";
import {
  useEnableExtension,
  useExtensionLog,
  useGrant,
  useRemoveExtension,
} from "../../queries/extensions.ts";
import { extensionLooks, remarks } from "./extension-state.ts";
import { Permissions } from "./permissions.tsx";

export function ExtensionCard(props: { extension: Extension; onOpen: () => void }) {
  const { extension, onOpen } = props;
  const { id, manifest, state, enabled, grants } = extension;
  const { title, version, description, permissions, panel, actions } = manifest;
  const enable = useEnableExtension();
  const remove = useRemoveExtension();
  const grant = useGrant();
  const [asking, setAsking] = useState(false);
  const { shape, tone, word } = extensionLooks[state.status];
  const failed = enable.error ?? remove.error ?? grant.error ?? state.error;
  const notes = remarks(extension);
  return (
    <article className="extension" aria-label={title}>
      <header>
        <b>{title}</b>
        <span className="muted num">{version}</span>
        <span className={`status status--${tone}`}>
          <Mark shape={shape} tone={tone} />
          {word}
        </span>
        {state.startedAt !== undefined && (
          <span className="muted">
            for <Since time={state.startedAt} />
          </span>
        )}
        <span className="extensions__spacer" />
        {panel && (
          <Button
            icon={PanelTop}
            disabledReason={state.status !== "running" && "It does not run"}
            onClick={onOpen}
          >
            Open its panel
          </Button>
        )}
        <Switch
          label="Enabled"
          checked={enabled}
          onChange={(on) => enable.mutate({ id, enabled: on })}
        />
        <IconButton
          icon={Trash2}
          danger
          label={`Remove ${title}`}
          onClick={() => setAsking(true)}
        />
      </header>
      <p className="muted">{description}</p>
      {notes.length > 0 && <p className="dim">{notes.join(", ")}.</p>}
      {failed && (
        <ErrorNote
          error={failed}
          {...(enable.error || remove.error || grant.error
            ? {
                onDismiss: () => {
                  enable.reset();
                  remove.reset();
                  grant.reset();
                },
              }
            : {})}
        />
      )}
      <Disclosure
        label="What it may do"
        summary={
          permissions.length === 0
            ? "it asks for nothing"
            : `${grants.length} of ${permissions.length} allowed`
        }
      >
        <Permissions
          asked={permissions}
          granted={grants}
          onChange={(granted) => grant.mutate({ id, grants: granted })}
        />
      </Disclosure>
      <Disclosure label="Details">
        <KeyValues>
          {actions.length > 0 && (
            <KeyValue name="Actions">{actions.map((action) => action.title).join(", ")}</KeyValue>
          )}
          <KeyValue name="Command" mono>
            {manifest.command.join(" ")}
          </KeyValue>
          {state.pid !== undefined && (
            <KeyValue name="Process" mono>
              {state.pid}
            </KeyValue>
          )}
          <KeyValue name="Image">{extension.image?.name ?? "its own files alone"}</KeyValue>
          <KeyValue name="Installed">
            <Moment time={extension.installedAt} />, from{" "}
            <span className="mono">{extension.origin}</span>
          </KeyValue>
          <KeyValue name="Size">
            <ByteCount value={extension.size} />
          </KeyValue>
        </KeyValues>
      </Disclosure>
      <Disclosure label="Log">
        <ExtensionLog id={id} />
      </Disclosure>
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={`Remove ${title}?`}
          action="Remove"
          onConfirm={() => remove.mutate(id, { onSuccess: () => announce(`${title} removed`) })}
        >
          <p>Its container is ended, and its files, what it wrote and its log are deleted.</p>
        </ConfirmDialog>
      )}
    </article>
  );
}

function ExtensionLog(props: { id: string }) {
  const { data, error } = useExtensionLog(props.id);
  if (error) return <ErrorNote error={error} />;
  if (!data) return null;
  return data.text.trim() === "" ? (
    <p className="dim">It has written nothing.</p>
  ) : (
    <CodeBlock text={data.text.trimEnd()} label="Copy the log" />
  );
}
