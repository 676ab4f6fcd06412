import { useLimitField } from "../container/limit-reasons.ts";
import { Lines, Section, type SectionProps } from "./option-fields.tsx";
import type { OptionName } from "./options-form.ts";

/** What it may read and write of this machine's disks in a second. */
export function RatesSection(props: SectionProps) {
  const fieldOf = useLimitField();
  const io = (name: OptionName, hint: string) => ({
    name,
    ...fieldOf("io", props.form[name] ?? "", hint),
  });
  return (
    <Section {...props} section="rates" label="Block I/O rates">
      <div className="create__two">
        <Lines
          {...props}
          {...io("device-read-bps", "Bytes a second, a line for each whole disk")}
          label="Read rate"
          placeholder="/dev/sda:10m"
        />
        <Lines
          {...props}
          {...io("device-write-bps", "Bytes a second")}
          label="Write rate"
          placeholder="/dev/sda:10m"
        />
        <Lines
          {...props}
          {...io("device-read-iops", "A second")}
          label="Read operations"
          placeholder="/dev/sda:1000"
        />
        <Lines
          {...props}
          {...io("device-write-iops", "A second")}
          label="Write operations"
          placeholder="/dev/sda:1000"
        />
      </div>
      <Lines
        {...props}
        {...io("blkio-weight-device", "From 10 to 1000, in place of its weight for all of them")}
        label="Weight by disk"
        placeholder="/dev/sda:500"
      />
    </Section>
  );
}
