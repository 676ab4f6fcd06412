import { Select } from "../../components/fields.tsx";
import { Section, type SectionProps, Switch, Text } from "./option-fields.tsx";
import { optionFields } from "./options-form.ts";

/** What it has in common with this machine or with another container. */
export function SharingSection(props: SectionProps) {
  const { form, set, errorOf } = props;
  return (
    <Section {...props} section="sharing" label="Namespaces">
      <div className="create__three">
        <Text
          {...props}
          name="pid"
          label="PID namespace"
          mono
          placeholder="its own"
          hint="host, or container:NAME"
        />
        <Text
          {...props}
          name="ipc"
          label="IPC namespace"
          mono
          placeholder="its own"
          hint="host, or container:NAME"
        />
        <Select
          label="Cgroup namespace"
          value={form.cgroupns ?? ""}
          onChange={(cgroupns) => set({ ...form, cgroupns })}
          options={[
            { value: "", label: "As usual" },
            { value: "private", label: "Its own" },
            { value: "host", label: "This machine’s" },
          ]}
          error={errorOf(optionFields.cgroupns.path)}
        />
      </div>
      <Switch
        {...props}
        name="uts"
        label="UTS namespace of this machine"
        hint="Its host name is then this machine’s."
      />
    </Section>
  );
}
