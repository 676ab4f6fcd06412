import { Lines, Section, type SectionProps } from "./option-fields.tsx";

/** What it may read and write of this machine's disks in a second. */
export function RatesSection(props: SectionProps) {
  return (
    <Section {...props} section="rates" label="Rates of disks">
      <div className="create__two">
        <Lines
          {...props}
          name="device-read-bps"
          label="Read at most"
          placeholder="/dev/sda:10m"
          hint="Bytes a second, a line for each whole disk"
        />
        <Lines
          {...props}
          name="device-write-bps"
          label="Write at most"
          placeholder="/dev/sda:10m"
          hint="Bytes a second"
        />
        <Lines
          {...props}
          name="device-read-iops"
          label="Reads"
          placeholder="/dev/sda:1000"
          hint="Operations a second"
        />
        <Lines
          {...props}
          name="device-write-iops"
          label="Writes"
          placeholder="/dev/sda:1000"
          hint="Operations a second"
        />
      </div>
      <Lines
        {...props}
        name="blkio-weight-device"
        label="Weights of disks"
        placeholder="/dev/sda:500"
        hint="From 10 to 1000, in place of its weight for all of them"
      />
    </Section>
  );
}
