import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import type { ContainerConfig } from "#shared/contract/containers";
import type { Engine } from "#shared/contract/system";
import { type ExportedUnit, exportUnit, type UnitForm } from "#shared/export-unit/export-unit";
import { Button } from "../../components/button.tsx";
import { CodeBlock } from "../../components/code-block.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote, Notice, sentence } from "../../components/error-note.tsx";
import { saveFile } from "../../components/save-file.ts";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainerDetail } from "../../queries/containers.ts";
import { useSystem } from "../../queries/system.ts";
import { closeOverlay } from "../../state/overlays.ts";
import "./unit-dialog.css";

/** A container as a unit that systemd starts and starts again, which this app can't while it is closed. */
export function UnitDialog(props: { id: string }) {
  const { detail, error } = useContainerDetail(props.id);
  const system = useSystem();
  const engines = useEngines();
  const name = detail?.config.name ?? "the container";
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      size="medium"
      title={`Export ${name} as a unit`}
      description="systemd starts it with the machine, and again when it ends, whether Shimyard is open or not. It is then podman’s or docker’s container, not Shimyard’s."
    >
      {error && <ErrorNote title="How it was made can’t be read" error={error} />}
      {detail && engines && (
        <UnitView
          config={detail.config}
          image={detail.container.image.name}
          engines={engines}
          rootless={system?.user.rootless ?? false}
        />
      )}
    </Dialog>
  );
}

function UnitView(props: {
  config: ContainerConfig;
  image: string;
  engines: readonly Engine[];
  rootless: boolean;
}) {
  const { config, image, engines, rootless } = props;
  const [form, setForm] = useState(() => bestForm(engines));
  const [owner, setOwner] = useState<"user" | "machine">(rootless ? "user" : "machine");
  const program = engines.find(({ name }) => name === form)?.path;
  const unit = exportUnit(config, image, { form, user: owner === "user", program });
  return (
    <div className="unit">
      <div className="unit__choices">
        <SegmentedControl
          label="Written as"
          value={form}
          onChange={setForm}
          options={[
            { value: "quadlet", label: "Quadlet" },
            { value: "podman", label: "Unit for podman" },
            { value: "docker", label: "Unit for docker" },
          ]}
        />
        <SegmentedControl
          label="Started"
          value={owner}
          onChange={setOwner}
          options={[
            { value: "machine", label: "With the machine" },
            { value: "user", label: "By a user’s systemd" },
          ]}
        />
      </div>
      <Lacks form={form} engines={engines} />
      <CodeBlock text={unit.text} label="Copy the unit" />
      <p>
        It belongs in{" "}
        <code className="mono selectable">{`${unit.directory}/${unit.fileName}`}</code>. Then:
      </p>
      <CodeBlock text={unit.commands.join("\n")} label="Copy the commands" />
      <Notes unit={unit} image={image} />
      <div className="unit__foot">
        <Button variant="primary" icon={Download} onClick={() => void save(unit)}>
          Save the file
        </Button>
      </div>
    </div>
  );
}

/** Why the unit would not run on this machine as it is. */
function Lacks(props: { form: UnitForm; engines: readonly Engine[] }) {
  const { form, engines } = props;
  const needed = form === "docker" ? "docker" : "podman";
  const engine = engines.find(({ name }) => name === needed);
  if (!engine) return <Notice>This machine has no {needed}: install it first.</Notice>;
  if (form !== "quadlet" || hasQuadlet(engine)) return null;
  return (
    <Notice tone="warn">
      This machine’s podman is {engine.version}; a Quadlet file as this needs 4.9 or newer.
    </Notice>
  );
}

function Notes(props: { unit: ExportedUnit; image: string }) {
  const { unit, image } = props;
  const lost = unit.notes.some((note) => note.lost);
  return (
    <Notice tone={lost ? "warn" : "info"}>
      <ul className="unit__notes">
        {unit.notes.map(({ flag, reason, lost }) => (
          <li key={`${flag} ${reason}`}>
            <code className="mono">{flag}</code>
            {lost ? " is left out. " : ": "}
            {sentence(reason)}
          </li>
        ))}
        <li>
          {/^[0-9a-f]{12,64}$/.test(image)
            ? "Its image has no name that could be pulled: tag it, save it as an archive and load it there."
            : "Its image is pulled by its name; one that is only here has to be saved as an archive and loaded there."}
        </li>
        <li>
          It is made anew at each start: what it writes beside its mounts goes when it stops. What
          it has here stays here.
        </li>
        <li>Stop it here first, where both would publish the same ports.</li>
      </ul>
    </Notice>
  );
}

function useEngines(): readonly Engine[] | undefined {
  const client = useClient();
  const { data, error } = useQuery({
    queryKey: ["engines"],
    queryFn: ({ signal }) => client.call("system.engines", {}, { signal }),
    gcTime: 0,
  });
  // Without knowing, all forms are offered alike.
  return data ?? (error ? [] : undefined);
}

/** What this machine has; else what needs least. */
function bestForm(engines: readonly Engine[]): UnitForm {
  const podman = engines.find(({ name }) => name === "podman");
  if (podman) return hasQuadlet(podman) ? "quadlet" : "podman";
  return engines.length > 0 ? "docker" : "quadlet";
}

/** With the keys that are written here. */
function hasQuadlet({ version = "" }: Engine): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 4 || (major === 4 && minor >= 9);
}

async function save({ fileName, text }: ExportedUnit): Promise<void> {
  try {
    await saveFile({
      ...{ fileName, type: "text/plain;charset=utf-8", onProgress: () => undefined },
      async *content() {
        yield new TextEncoder().encode(text);
      },
    });
  } catch (error) {
    notify({ tone: "bad", title: "The unit was not saved", error });
  }
}
