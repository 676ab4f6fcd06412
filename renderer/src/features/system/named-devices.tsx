import type { CdiDevices } from "#shared/contract/system";
import { Notice } from "../../components/error-note.tsx";
import { Section } from "../../components/page.tsx";
import { useCdiDevices } from "../../queries/system.ts";

/** GPUs and other devices that containers are given by name, as the specs on this machine have them. */
export function NamedDevices() {
  const { data } = useCdiDevices();
  if (!data) return null;
  return (
    <Section title="Devices by name">
      {data.devices.length === 0 ? (
        <p className="muted">
          None: there are no specs of devices (CDI) in {data.directories.join(" or ")}.
        </p>
      ) : (
        specsOf(data).map(([spec, names]) => (
          <p key={spec}>
            <span className="mono">{names.join(", ")}</span>{" "}
            <span className="muted">from {spec}</span>
          </p>
        ))
      )}
      {data.faults.map(({ spec, message }) => (
        <Notice key={spec} tone="warn">
          <span className="mono">{spec}</span> is not used. {message}.
        </Notice>
      ))}
    </Section>
  );
}

function specsOf({ devices }: CdiDevices): [spec: string, names: string[]][] {
  const specs = new Map<string, string[]>();
  for (const { name, spec } of devices) specs.set(spec, [...(specs.get(spec) ?? []), name]);
  return [...specs];
}
