import { useDeferredValue, useState } from "react";
import type { ProjectSource } from "#shared/contract/projects";
import { Button } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Disclosure } from "../../components/disclosure.tsx";
import { ErrorNote, Notice } from "../../components/error-note.tsx";
import { Checkbox, Field, TextField } from "../../components/fields.tsx";
import { useImportProject, useOpenProject, useProjectCheck } from "../../queries/projects.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { inspectProject } from "../../state/selection.ts";
import { PathField } from "../fields/path-field.tsx";
import { useProjectCommands } from "./commands.ts";
import { NoteList, noteSummary } from "./note-list.tsx";
import { PlanView } from "./plan-view.tsx";

const empty: ProjectSource = {
  ...{ files: [{ name: "compose.yaml", text: "" }], env: "", profiles: [] },
};

/** Takes a compose file from a path, or pasted or dropped, and says before anything starts what would become of it. */
export function ImportProjectDialog(props: { source?: ProjectSource | undefined }) {
  const [source, setSource] = useState(props.source ?? empty);
  const [path, setPath] = useState(props.source?.directory ?? "");
  const open = useOpenProject();
  const importing = useImportProject();
  const commands = useProjectCommands();
  const checked = useDeferredValue(usable(source));
  const { plan, error, isChecking } = useProjectCheck(checked);
  const errors = plan?.notes.some(({ level }) => level === "error");
  const change = (values: Partial<ProjectSource>): void =>
    setSource((before) => ({ ...before, ...values }));
  const read = (from: string): void =>
    open.mutate(from, {
      // What was chosen here is kept; what is the file's comes anew.
      onSuccess: (found) => setSource(({ profiles }) => ({ ...found, profiles })),
    });
  const take = (start: boolean): void =>
    importing.mutate(source, {
      onSuccess: ({ id }) => {
        closeOverlay();
        inspectProject(id);
        if (start) commands.up(id);
      },
    });
  const reason = !checked
    ? "There is no compose file yet"
    : errors
      ? noteSummary(plan?.notes ?? [])
      : error
        ? "It can't be read"
        : !plan && "It is being read";
  return (
    <Dialog
      open
      onOpenChange={(next) => !next && closeOverlay()}
      title={props.source ? "Change a project" : "Import a compose file"}
      description="Its text is kept here. Nothing starts before you have seen what of it can’t be had."
      size="large"
      footer={
        <>
          <Button onClick={closeOverlay}>Cancel</Button>
          <Button busy={importing.isPending} disabledReason={reason} onClick={() => take(false)}>
            {props.source ? "Keep" : "Import"}
          </Button>
          <Button
            variant="primary"
            disabled={importing.isPending}
            disabledReason={reason}
            onClick={() => take(true)}
          >
            {props.source ? "Keep and bring up" : "Import and bring up"}
          </Button>
        </>
      }
    >
      <div className="import-project">
        {importing.error && (
          <ErrorNote
            title="Nothing was imported"
            error={importing.error}
            onDismiss={importing.reset}
          />
        )}
        <form
          className="import-project__path"
          onSubmit={(event) => {
            event.preventDefault();
            if (path.startsWith("/")) read(path.trim());
          }}
        >
          <PathField
            label="Compose file, or the directory it is in"
            picks="file"
            pickTitle="Choose a compose file"
            placeholder="/srv/shop/compose.yaml"
            value={path}
            onChange={setPath}
            error={open.error ? open.error.message : undefined}
          />
          <Button
            busy={open.isPending}
            disabled={!path.startsWith("/")}
            onClick={() => read(path.trim())}
          >
            {props.source ? "Read again" : "Read"}
          </Button>
        </form>
        {source.files.map(({ name, text }, index) => (
          <TextArea
            key={name}
            label={index === 0 ? name : `${name}, which overrides it`}
            placeholder={
              "Paste a compose file here, or drop one\n\nservices:\n  web:\n    image: nginx"
            }
            value={text}
            rows={12}
            onChange={(next) =>
              change({
                files: source.files.map((file) =>
                  file.name === name ? { name, text: next } : file,
                ),
              })
            }
          />
        ))}
        <Profiles
          known={plan?.idle.flatMap(({ profiles }) => profiles) ?? []}
          chosen={source.profiles}
          onChange={(profiles) => change({ profiles })}
        />
        <Disclosure
          label="Name, directory and variables"
          summary={[plan?.name, source.directory].filter(Boolean).join(" · ")}
        >
          <TextField
            label="Name"
            mono
            placeholder={plan?.name || "shop"}
            value={source.name ?? ""}
            onChange={(name) => change({ name: name === "" ? undefined : name })}
            hint="In place of the one in the file, or of its directory's"
          />
          <PathField
            label="Directory"
            picks="directory"
            pickTitle="Choose the project's directory"
            value={source.directory ?? ""}
            onChange={(directory) =>
              change({ directory: directory === "" ? undefined : directory })
            }
            hint="Where relative paths in the file begin"
          />
          <TextArea
            label=".env"
            placeholder="TAG=1.27"
            rows={4}
            value={source.env}
            onChange={(env) => change({ env })}
          />
        </Disclosure>
        {error && <ErrorNote title="It can't be read" error={error} />}
        {plan && (
          <section
            className={cx("import-project__plan", isChecking && "import-project__plan--old")}
            aria-label="What it says"
          >
            <NoteList notes={plan.notes} />
            {!errors && plan.notes.length === 0 && <Notice>All of it can be had here.</Notice>}
            {!errors && <PlanView plan={plan} />}
          </section>
        )}
      </div>
    </Dialog>
  );
}

/** Undefined while it has no text, or a name or path that is still being typed. */
function usable(source: ProjectSource): ProjectSource | undefined {
  const { files, name, directory } = source;
  if (files.every(({ text }) => text.trim() === "")) return undefined;
  const named = name === undefined || /^[a-z0-9][a-z0-9_-]{0,62}$/.test(name);
  return named && (directory === undefined || directory.startsWith("/")) ? source : undefined;
}

function Profiles(props: {
  known: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}) {
  const { known, chosen, onChange } = props;
  const all = [...new Set([...chosen, ...known])].sort();
  if (all.length === 0) return null;
  return (
    <fieldset className="import-project__profiles">
      <legend>Profiles</legend>
      {all.map((profile) => (
        <Checkbox
          key={profile}
          label={profile}
          checked={chosen.includes(profile)}
          onChange={(on) =>
            onChange(on ? [...chosen, profile] : chosen.filter((one) => one !== profile))
          }
        />
      ))}
    </fieldset>
  );
}

/** Lines of text, into which a file can be dropped. */
function TextArea(props: {
  label: string;
  placeholder: string;
  value: string;
  rows: number;
  onChange: (value: string) => void;
}) {
  const { label, placeholder, value, rows, onChange } = props;
  const [over, setOver] = useState(false);
  return (
    <Field label={label}>
      {(control) => (
        <div
          className={cx("input input--lines mono", over && "import-project__over")}
          onDragOver={(event) => {
            if (!event.dataTransfer.types.includes("Files")) return;
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            setOver(false);
            const [file] = event.dataTransfer.files;
            if (!file) return;
            event.preventDefault();
            void file.text().then(onChange);
          }}
        >
          <textarea
            {...control}
            spellCheck={false}
            wrap="off"
            placeholder={placeholder}
            rows={rows}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
        </div>
      )}
    </Field>
  );
}
