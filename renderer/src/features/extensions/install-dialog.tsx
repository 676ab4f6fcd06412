import { useState } from "react";
import type { ExtensionCandidate, Permission } from "#shared/contract/extensions";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { errorInfo, ErrorNote } from "../../components/error-note.tsx";
import { announce } from "../../components/notices.ts";
import { useInspectExtension, useInstallExtension } from "../../queries/extensions.ts";
import { PathField } from "../fields/path-field.tsx";
import { Permissions } from "./permissions.tsx";

/** Finds an extension, shows what it is and asks for, then installs it. `candidate`: found already. */
export function InstallDialog(props: {
  candidate?: ExtensionCandidate | undefined;
  onClose: () => void;
}) {
  const { onClose } = props;
  const [path, setPath] = useState("");
  const inspect = useInspectExtension();
  const candidate = props.candidate ?? inspect.data;
  const failure = inspect.error ? errorInfo(inspect.error) : undefined;
  if (candidate) return <Confirm key={candidate.digest} candidate={candidate} onClose={onClose} />;
  const look = (): void => {
    if (path.startsWith("/") && !inspect.isPending) inspect.mutate(path.trim());
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Install an extension"
      description="A directory or an archive on this machine, with extension.json at its top."
      size="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            busy={inspect.isPending}
            disabled={!path.startsWith("/")}
            onClick={look}
          >
            Look at it
          </Button>
        </>
      }
    >
      <form
        className="extensions__form"
        onSubmit={(event) => {
          event.preventDefault();
          look();
        }}
      >
        {failure && failure.details.field === undefined && <ErrorNote error={failure} />}
        <PathField
          label="Directory or archive"
          picks="directory"
          pickTitle="Choose an extension"
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          placeholder="/srv/extensions/disk-use"
          value={path}
          onChange={setPath}
          error={failure?.details.field === "path" ? failure.message : undefined}
          hint="Nothing is installed yet: what it asks for is shown first"
        />
      </form>
    </Dialog>
  );
}

function Confirm(props: { candidate: ExtensionCandidate; onClose: () => void }) {
  const { candidate, onClose } = props;
  const { manifest, path, digest } = candidate;
  const { title, version, description, permissions, panel, actions } = manifest;
  const [grants, setGrants] = useState<Permission[]>(permissions);
  const install = useInstallExtension();
  const gives = [
    panel && "a panel",
    ...actions.map((action) => `“${action.title}” in a container's menu`),
  ].filter(Boolean);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Install ${title}?`}
      description={`${description} Version ${version}.`}
      size="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            busy={install.isPending}
            onClick={() =>
              install.mutate(
                { path, digest, grants },
                {
                  onSuccess: () => {
                    announce(`${title} is installed`);
                    onClose();
                  },
                },
              )
            }
          >
            Install
          </Button>
        </>
      }
    >
      <div className="extensions__form">
        {install.error && (
          <ErrorNote title="It was not installed" error={install.error} onDismiss={install.reset} />
        )}
        <p>
          It adds {gives.join(" and ")}. It runs in a container of its own, without network and
          without rights on this machine.
        </p>
        <section>
          <h3>It asks to</h3>
          <Permissions asked={permissions} granted={grants} onChange={setGrants} />
        </section>
        <p className="mono dim selectable truncate" title={path}>
          {path}
        </p>
      </div>
    </Dialog>
  );
}
