import { RefreshCw } from "lucide-react";
import { useMemo, useState } from "react";
import type { ContainerConfig } from "#shared/contract/containers";
import { Button, IconButton } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Disclosure } from "../../components/disclosure.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Checkbox, TextField } from "../../components/fields.tsx";
import { plural } from "../../components/format.ts";
import { Spinner } from "../../components/spinner.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useImages } from "../../queries/images.ts";
import { useNameCheck } from "../../queries/name-check.ts";
import { closeOverlay, openOverlay } from "../../state/overlays.ts";
import { TransferList } from "../images/transfer-list.tsx";
import {
  type CreateForm,
  type FormErrors,
  type FormField,
  generateName,
  hasTerminal,
  initialForm,
  moreFields,
  toConfig,
} from "./form.ts";
import { ImagePicker } from "./image-picker.tsx";
import { looksLikeRunLine } from "#shared/run-line/parse-run-line";
import { changesOf, type EditChanges } from "./edit-changes.ts";
import { EditPlan, type EditTarget, type EditWishes } from "./edit-plan.tsx";
import type { Read } from "./definition.ts";
import { filledForm } from "./filled-form.ts";
import { OptionSections } from "./option-sections.tsx";
import { imageNamed, Notes, PastePanel } from "./paste-panel.tsx";
import { RunLineView } from "./run-line-view.tsx";
import { NetworkSection } from "./network-section.tsx";
import { MoreFields } from "./more-fields.tsx";
import { ProcessFields } from "./process-fields.tsx";
import { usePullInto } from "./use-pull-into.ts";
import { useSubmit } from "./use-submit.ts";
import { useStarter } from "./use-starter.ts";
import "./create.css";

/** Makes a container, or changes one: the few things one always says, and the rest a click away. */
export function CreateDialog(props: {
  imageId?: string | undefined;
  /** It begins as another container was made. */
  from?: ContainerConfig | undefined;
  /** Not a new one: this one is changed. */
  edit?: EditTarget | undefined;
}) {
  const { edit } = props;
  const containers = useContainers();
  const images = useImages();
  const list = useMemo(
    // What came last is what one most likely wants.
    () => [...images.items.values()].sort((a, b) => b.addedAt - a.addedAt),
    [images],
  );
  const names = useMemo(
    () => new Set([...containers.items.values()].map(({ name }) => name)),
    [containers],
  );
  const [typed, setTyped] = useState(() => {
    const name = generateName((one) => names.has(one));
    const { from } = props;
    if (edit) {
      const { name: own, imageId } = edit.config;
      return filledForm(edit.config, { name: own, imageId, start: true });
    }
    if (from) return filledForm(from, { name, imageId: from.imageId, start: true });
    return initialForm(name, props.imageId ?? list[0]?.id ?? "");
  });
  /** What was pasted, while it is shown; undefined: it is not. */
  const [pasted, setPasted] = useState<string>();
  const [filled, setFilled] = useState<Read & { ok: true }>();
  // The list may arrive after the dialog; the first image is then as good as chosen.
  const form = typed.imageId === "" ? { ...typed, imageId: list[0]?.id ?? "" } : typed;
  const [shown, setShown] = useState(false);
  const [refused, setRefused] = useState<FormErrors>({});
  const [wishes, setWishes] = useState<EditWishes>({ keepOld: false, keepFiles: undefined });
  const image = images.items.get(form.imageId);
  const { config, errors } = toConfig(form, image?.config);
  const starter = useStarter();

  const changes = edit && config && changesOf(edit.config, config);
  const create = useSubmit(edit, setRefused);
  const nameProblem = useNameCheck(
    form.name === edit?.config.name ? undefined : form.name,
    create.isPending,
  );

  const set = (change: Partial<CreateForm>): void => {
    // What came since it was drawn stays, as an image that was pulled meanwhile.
    setTyped((before) => ({ ...before, imageId: before.imageId || form.imageId, ...change }));
    setRefused({});
    if (create.isError) create.reset();
  };
  const { pulling, pulled, pull } = usePullInto((imageId) => set({ imageId }));
  const fill = (read: Read & { ok: true }): void => {
    const found = imageNamed(read.image, list);
    const name = read.draft.name ?? form.name;
    set(filledForm(read.draft, { name, imageId: found?.id ?? form.imageId, start: read.start }));
    if (!found) pull(read.image);
    setFilled(read);
    setPasted(undefined);
  };
  /** Before the first try only what the server refused and what is wrong as one types is said. */
  const errorOf = (field: FormField): string | undefined =>
    refused[field] ?? (shown ? errors[field] : undefined);
  const notYet = starter.making
    ? "The starter image is being made"
    : pulling !== undefined
      ? `${pulling} is being pulled`
      : images.items.size === 0
        ? "There is no image yet"
        : changes?.kind === "none" && "Nothing is changed yet";
  const submit = (): void => {
    setShown(true);
    // By Enter too: until what is pulled is here, the form holds the image from before.
    if (config && !nameProblem && !create.isPending && !notYet)
      create.mutate({ config, start: form.start, wishes });
  };
  const failed = [...Object.keys(refused), ...(shown ? Object.keys(errors) : [])] as FormField[];
  const atField = create.isError && failed.some((field) => refused[field]);

  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title={edit ? `Edit ${edit.config.name}` : "New container"}
      size="medium"
      footer={
        <>
          {!edit && (
            <Checkbox
              checked={form.start}
              onChange={(start) => set({ start })}
              label="Start it at once"
            />
          )}
          <span className="spacer" />
          <Button onClick={closeOverlay}>Cancel</Button>
          <Button
            variant="primary"
            busy={create.isPending}
            shortcut="Ctrl Enter"
            onClick={submit}
            disabledReason={notYet}
          >
            {edit ? editVerb(changes) : form.start ? "Create and start" : "Create"}
          </Button>
        </>
      }
    >
      <form
        className="create"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && event.ctrlKey) submit();
        }}
        onPasteCapture={(event) => {
          const text = event.clipboardData.getData("text");
          // In whatever field: a whole command line is meant for all of them.
          if (pasted !== undefined || !looksLikeRunLine(text)) return;
          event.preventDefault();
          event.stopPropagation();
          setPasted(text);
        }}
      >
        {create.isError && !atField && (
          <ErrorNote title={create.failure} error={create.error} onDismiss={create.reset} />
        )}
        {starter.making && (
          <p className="create__starter muted" role="status">
            <Spinner size={13} /> Making the starter image from this machine’s busybox
          </p>
        )}
        {starter.error !== null && (
          <ErrorNote
            title="The starter image was not made"
            error={starter.error}
            actions={
              <>
                <Button onClick={starter.retry}>Try again</Button>
                <Button onClick={() => openOverlay({ kind: "import", source: "archive" })}>
                  Load or import
                </Button>
              </>
            }
          />
        )}
        {pasted === undefined ? (
          <div className="create__paste">
            <Button variant="link" onClick={() => setPasted("")}>
              Paste a docker run line or a definition…
            </Button>
          </div>
        ) : (
          <PastePanel
            text={pasted}
            onText={setPasted}
            onFill={fill}
            onClose={() => setPasted(undefined)}
            images={list}
          />
        )}
        {pasted === undefined && filled && <Notes read={filled} />}
        <div className="create__two">
          <ImagePicker
            images={list}
            value={form.imageId}
            onPick={(imageId) => set({ imageId })}
            pulling={pulling}
            onPull={pull}
            error={errorOf("imageId")}
            placeholder={starter.making ? "Being made…" : "Write what to pull"}
          />
          <TextField
            label="Name"
            value={form.name}
            onChange={(name) => set({ name })}
            error={nameProblem ?? errorOf("name")}
            // oxlint-disable-next-line jsx-a11y/no-autofocus
            autoFocus
            onFocus={(event) => event.target.select()}
            trailing={
              <IconButton
                size="small"
                icon={RefreshCw}
                label="Another name"
                onClick={() => set({ name: generateName((name) => names.has(name)) })}
              />
            }
          />
        </div>
        {pulled !== undefined && <TransferList only={({ reference }) => reference === pulled} />}
        <ProcessFields form={form} set={set} errorOf={errorOf} image={image?.config} />
        <Checkbox
          checked={hasTerminal(form, image?.config)}
          onChange={(terminal) => set({ terminal })}
          label="With a terminal"
          hint="For a shell, which ends at once without one, or another program that one types into."
        />
        <NetworkSection form={form.network} set={(network) => set({ network })} errorOf={errorOf} />
        <Disclosure
          label="Environment, limits and more"
          summary={summary(form)}
          force={failed.some((field) => moreFields.includes(field))}
        >
          <MoreFields form={form} set={set} errorOf={errorOf} image={image} />
        </Disclosure>
        <OptionSections
          image={image?.config}
          form={form.options}
          set={(options) => set({ options })}
          errorOf={errorOf}
        />
        {edit && changes && (
          <EditPlan
            target={edit}
            changes={changes}
            sameImage={form.imageId === edit.config.imageId}
            wishes={wishes}
            onWishes={setWishes}
            busy={create.isPending}
          />
        )}
        {config && (
          <Disclosure label="As a docker run line">
            <RunLineView
              draft={config}
              image={image?.names[0] ?? form.imageId}
              start={form.start}
            />
          </Disclosure>
        )}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

const editVerb = (changes: EditChanges | undefined): string =>
  changes?.kind === "anew" ? "Re-create it" : "Change it";

/** What the closed part holds. */
function summary(form: CreateForm): string {
  const { memory, cpus, pids } = form.limits;
  const env = form.env.filter(({ key }) => key).length;
  const labels = form.labels.filter(({ key }) => key).length;
  return [
    env > 0 && plural(env, "variable"),
    memory && memory.trim(),
    cpus && `${cpus.trim()} ${cpus.trim() === "1" ? "CPU" : "CPUs"}`,
    pids && `${pids.trim()} ${pids.trim() === "1" ? "process" : "processes"}`,
    form.user && `as ${form.user}`,
    form.restart !== "no" && "restarts",
    form.shimGroup.trim() && `shim group ${form.shimGroup.trim()}`,
    labels > 0 && plural(labels, "label"),
  ]
    .filter(Boolean)
    .join(" · ");
}
