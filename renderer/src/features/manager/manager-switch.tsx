import { SegmentedControl } from "../../components/segmented-control.tsx";
import type { ManagerName } from "#shared/contract/shell";
import { useManager } from "../../queries/client.tsx";
import { showManager } from "../../state/manager.ts";

export const managerOptions: { value: ManagerName; label: string }[] = [
  { value: "user", label: "This user" },
  { value: "machine", label: "This machine" },
];

/** Whose containers the window shows. */
export function ManagerSwitch() {
  return (
    <SegmentedControl
      label="Whose containers are shown"
      value={useManager()}
      onChange={showManager}
      options={managerOptions}
    />
  );
}
