import { Lines, Section, type SectionProps } from "./option-fields.tsx";

/** What it may read and write of this machine's disks in a second. */
export function RatesSection(props: SectionProps) {
  return (
    <Section {...props} section="rates" label="Block I/O rates">
      <div className="create__two">
        <Lines
          {...props}
          name="device-read-bps"
          label="Read rate"
          placeholder="/dev/sda:10m"
          hint="Bytes a second, a line for each whole disk"
        />
        <Lines
          {...props}
          name="device-write-bps"
          label="Write rate"
          placeholder="/dev/sda:10m"
          hint="Bytes a second"
        />
        <Lines
          {...props}
          name="device-read-iops"
          label="Read operations"
          placeholder="/dev/sda:1000"
          hint="A second"
        />
        <Lines
          {...props}
          name="device-write-iops"
          label="Write operations"
          placeholder="/dev/sda:1000"
          hint="A second"
        />
      </div>
      <Lines
        {...props}
        name="blkio-weight-device"
        label="Weight by disk"
        placeholder="/dev/sda:500"
        hint="From 10 to 1000, in place of its weight for all of them"
      />
    </Section>
  );
}
