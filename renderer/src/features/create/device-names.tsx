import { Checkbox } from "../../components/fields.tsx";
import { useCdiDevices } from "../../queries/system.ts";
import type { SectionProps } from "./option-fields.tsx";

/** The devices that this machine has by name: GPUs, and what else has a CDI spec. Nothing where there is none. */
export function DeviceNames({ form, set }: SectionProps) {
  const { data } = useCdiDevices();
  if (!data || data.devices.length === 0) return null;
  const lines = (form.device ?? "").split("\n").filter((line) => line.trim() !== "");
  const toggle = (name: string, on: boolean): void => {
    const others = lines.filter((line) => line.trim() !== name);
    set({ ...form, device: (on ? [...others, name] : others).join("\n") });
  };
  return (
    <fieldset className="create__networks">
      <legend>Devices by name</legend>
      {data.devices.map(({ name }) => (
        <Checkbox
          key={name}
          label={name}
          checked={lines.some((line) => line.trim() === name)}
          onChange={(on) => toggle(name, on)}
        />
      ))}
    </fieldset>
  );
}
