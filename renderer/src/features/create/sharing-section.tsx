import { Select } from "../../components/fields.tsx";
import { Section, type SectionProps, Switch, Text } from "./option-fields.tsx";
import { optionFields } from "./options-form.ts";

/** What it has in common with this machine or with another container. */
export function SharingSection(props: SectionProps) {
  const { form, set, errorOf } = props;
  return (
    <Section {...props} section="sharing" label="Shared with others">
      <div className="create__three">
        <Text
          {...props}
          name="pid"
          label="Processes"
          mono
          placeholder="its own"
          hint="host, or container:NAME"
        />
        <Text
          {...props}
          name="ipc"
          label="Queues and memory"
          mono
          placeholder="its own"
          hint="host, or container:NAME"
        />
        <Select
          label="Place of its cgroup"
          value={form.cgroupns ?? ""}
          onChange={(cgroupns) => set({ ...form, cgroupns })}
          options={[
            { value: "", label: "As usual" },
            { value: "private", label: "Hidden from it" },
            { value: "host", label: "Seen by it" },
          ]}
          error={errorOf(optionFields.cgroupns.path)}
        />
      </div>
      <Switch
        {...props}
        name="uts"
        label="This machine’s host name"
        hint="It then has none of its own."
      />
    </Section>
  );
}
