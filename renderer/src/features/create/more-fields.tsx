import type { RestartPolicy } from "#shared/contract/containers";
import type { Image } from "#shared/contract/images";
import type { RuntimeInfo } from "#shared/contract/system";
import { Notice, sentence } from "../../components/error-note.tsx";
import { Select, TextField } from "../../components/fields.tsx";
import { count } from "../../components/format.ts";
import { splitVariable } from "../../components/pair-list.tsx";
import { useSystem } from "../../queries/system.ts";
import { parseMemory } from "../container/limit-fields.ts";
import { useLimitField } from "../container/limit-reasons.ts";
import type { CreateForm, FormField } from "./form.ts";
import { PairsEditor } from "./pairs-editor.tsx";

const restarts: { value: RestartPolicy["name"]; label: string }[] = [
  { value: "no", label: "Never" },
  { value: "on-failure", label: "When it fails" },
  { value: "unless-stopped", label: "Unless it was stopped" },
  { value: "always", label: "Always" },
];

/** What no policy can do here; the container's menu has the way out. */
const whileOpen =
  "Only while Shimyard is open; else when it opens again. A systemd unit, exported from the container’s menu, does it always.";

/** What most containers need none of. */
export function MoreFields(props: {
  form: CreateForm;
  set: (change: Partial<CreateForm>) => void;
  errorOf: (field: FormField) => string | undefined;
  image: Image | undefined;
}) {
  const { form, set, errorOf, image } = props;
  const system = useSystem();
  const ability = system?.abilities.limits;
  const noLimits =
    ability && !ability.ok ? (ability.reason ?? "Limits can't be set on this host") : undefined;
  const fieldOf = useLimitField(true);
  const memory = parseMemory(form.limits.memory);
  const runtimes = system?.runtimes ?? [];
  const sharesShims = (id: string): boolean =>
    chosenOf(runtimes, id)?.abilities.shareShim.ok ?? false;
  const limit = (change: Partial<CreateForm["limits"]>): void =>
    set({ limits: { ...form.limits, ...change } });
  return (
    <>
      <PairsEditor
        label="Environment"
        keyLabel="Variable"
        add="Add a variable, or paste KEY=VALUE lines"
        inherited={image?.config.env.map(splitVariable)}
        pairs={form.env}
        onChange={(env) => set({ env })}
        error={errorOf("env")}
      />
      <div className="create__two">
        <TextField
          label="Working directory"
          mono
          placeholder={image?.config.cwd || "/"}
          value={form.cwd ?? image?.config.cwd ?? ""}
          onChange={(cwd) => set({ cwd })}
          error={errorOf("cwd")}
        />
        <TextField
          label="User"
          mono
          placeholder={image?.config.user || "root"}
          value={form.user ?? image?.config.user ?? ""}
          onChange={(user) => set({ user })}
          error={errorOf("user")}
          hint="A name or uid, with :group if needed"
        />
      </div>
      {noLimits && <Notice>{sentence(noLimits)}</Notice>}
      <div className="create__three">
        <TextField
          label="Memory"
          placeholder="no limit"
          value={form.limits.memory}
          onChange={(value) => limit({ memory: value })}
          error={errorOf("limits.memory")}
          {...fieldOf(
            "memory",
            form.limits.memory,
            memory === undefined ? "256m, 1.5g" : `${count(memory)} bytes`,
          )}
        />
        <TextField
          label="CPUs"
          placeholder="no limit"
          inputMode="decimal"
          value={form.limits.cpus}
          onChange={(cpus) => limit({ cpus })}
          error={errorOf("limits.cpus")}
          {...fieldOf("cpu", form.limits.cpus, "1.5 is one and a half")}
        />
        <TextField
          label="Processes"
          placeholder="no limit"
          inputMode="numeric"
          value={form.limits.pids}
          onChange={(pids) => limit({ pids })}
          error={errorOf("limits.pids")}
          {...fieldOf("pids", form.limits.pids, "With their threads")}
        />
      </div>
      <div className="create__two">
        <Select
          label="Restart policy"
          value={form.restart}
          onChange={(restart) => set({ restart: restart as RestartPolicy["name"] })}
          options={restarts}
          error={form.restart === "on-failure" ? undefined : errorOf("restart")}
          hint={form.restart === "no" ? undefined : whileOpen}
        />
        {form.restart === "on-failure" && (
          <TextField
            label="Retries"
            placeholder="without end"
            inputMode="numeric"
            value={form.retries}
            onChange={(retries) => set({ retries })}
            error={errorOf("restart")}
          />
        )}
        <TextField
          label="Host name"
          mono
          placeholder="from its id"
          value={form.hostname}
          onChange={(hostname) => set({ hostname })}
          error={errorOf("hostname")}
        />
      </div>
      <RuntimeSelect
        runtimes={runtimes}
        value={form.runtime}
        onChange={(runtime) =>
          set({ runtime, shimGroup: sharesShims(runtime) ? form.shimGroup : "" })
        }
        error={errorOf("runtime")}
      />
      {sharesShims(form.runtime) && (
        <TextField
          label="Shim group"
          placeholder="a shim of its own"
          value={form.shimGroup}
          onChange={(shimGroup) => set({ shimGroup })}
          error={errorOf("shimGroup")}
          hint="Containers of one group share a shim and its memory; if it is lost, none of them can be watched any more, and their exit statuses are lost with it."
        />
      )}
      <PairsEditor
        label="Labels"
        keyLabel="Label"
        add="Add a label"
        pairs={form.labels}
        onChange={(labels) => set({ labels })}
        error={errorOf("labels")}
      />
    </>
  );
}

function chosenOf(runtimes: RuntimeInfo[], id: string): RuntimeInfo | undefined {
  return runtimes.find((runtime) => runtime.id === id) ?? runtimes.find((best) => best.preferred);
}

function RuntimeSelect(props: {
  runtimes: RuntimeInfo[];
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}) {
  const { runtimes, value, onChange, error } = props;
  const best = runtimes.find(({ preferred }) => preferred);
  const chosen = chosenOf(runtimes, value);
  // Sharing a shim is an extra, which nobody misses.
  const { shareShim: _extra, ...abilities } = chosen?.abilities ?? {};
  const lacks = chosen
    ? Object.entries(abilities)
        .filter(([, ability]) => !ability.ok)
        .map(([name, { reason }]) => `No ${name}: ${reason ?? "not possible here"}`)
    : [];
  return (
    <Select
      label="Runtime"
      value={value}
      onChange={onChange}
      error={error}
      hint={
        chosen &&
        [
          chosen.note,
          lacks.length > 0
            ? lacks.map(sentence).join(" ")
            : "Pauses, checkpoints, limits, runs commands.",
        ]
          .filter(Boolean)
          .join(" ")
      }
      options={[
        {
          value: "",
          label: best
            ? `This computer's best: ${best.name} ${best.version}`
            : "This computer's best",
        },
        ...runtimes.map(({ id, name, version, usable, note, path }) => ({
          value: id,
          // There may be several of these, alike but for where they are.
          label: [
            `${name} ${version}`.trim(),
            ...(note === undefined ? [] : [`at ${path}`]),
            ...(usable.ok ? [] : ["not usable"]),
          ].join(", "),
          disabled: !usable.ok,
        })),
      ]}
    />
  );
}
