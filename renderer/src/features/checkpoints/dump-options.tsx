import type { CheckpointOptions } from "#shared/contract/checkpoints";
import { Checkbox } from "../../components/fields.tsx";

/** What criu takes along only when it is told to. */
export type DumpOptions = Omit<CheckpointOptions, "leaveRunning">;

export const noDumpOptions: DumpOptions = {
  ...{ tcpEstablished: false, fileLocks: false, externalUnixSockets: false },
};

export function DumpOptionFields(props: {
  value: DumpOptions;
  onChange: (value: DumpOptions) => void;
  /** Said besides of open connections. */
  atRestore?: string;
}) {
  const { value, onChange, atRestore = "" } = props;
  const set = (key: keyof DumpOptions) => (on: boolean) => onChange({ ...value, [key]: on });
  return (
    <>
      <Checkbox
        checked={value.tcpEstablished}
        onChange={set("tcpEstablished")}
        label="Open TCP connections"
        hint={`Without this, one open connection makes it fail. ${atRestore}`.trim()}
      />
      <Checkbox
        checked={value.fileLocks}
        onChange={set("fileLocks")}
        label="File locks"
        hint="Needed when a program holds one, as databases do."
      />
      <Checkbox
        checked={value.externalUnixSockets}
        onChange={set("externalUnixSockets")}
        label="Unix sockets to outside"
        hint="Connections to sockets of programs outside this container."
      />
    </>
  );
}
