import { Database, FolderOpen, Plus } from "lucide-react";
import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { Combobox, type ComboOption } from "../../components/combobox.tsx";
import { TextField } from "../../components/fields.tsx";
import { useVolumes } from "../../queries/volumes.ts";
import { usePickPath } from "../fields/use-pick-path.ts";
import { parseVolume } from "#shared/run-line/mounts";

/** At most so many volumes are offered; one types on rather than scroll through more. */
const most = 20;

/** Writes a line of mounts: what is mounted, chosen or typed, and where it is seen. */
export function MountAdder(props: {
  /** The lines there are. */
  lines: string;
  onLines: (lines: string) => void;
  /** Where the image keeps what is to outlive its containers. */
  declared: readonly string[];
}) {
  const { lines, onLines, declared } = props;
  const { items } = useVolumes();
  const [source, setSource] = useState("");
  const [target, setTarget] = useState("");
  const pick = usePickPath("Choose what is mounted", setSource);
  const options: ComboOption[] = [...items.values()]
    .filter(({ id, anonymous }) => !anonymous && id.toLowerCase().includes(source.toLowerCase()))
    .slice(0, most)
    .map(({ id, usedBy }) => ({
      value: id,
      label: id,
      icon: Database,
      detail: usedBy.map(({ containerName }) => containerName).join(", "),
    }));
  const unplaced = unmounted(declared, lines);
  const ready = target.startsWith("/");
  const add = (): void => {
    if (!ready) return;
    const line = [source.trim(), target.trim()].filter(Boolean).join(":");
    onLines([...lines.split("\n").filter((one) => one.trim()), line].join("\n"));
    setSource("");
    setTarget("");
  };
  return (
    <div className="mount-adder">
      <Combobox
        label="Volume or path of this machine"
        mono
        placeholder="a new volume without a name"
        value={source}
        onChange={setSource}
        onPick={setSource}
        options={options}
        trailing={
          pick && (
            <Button variant="link" icon={FolderOpen} onClick={() => pick("directory")}>
              Choose…
            </Button>
          )
        }
      />
      <TextField
        label="Seen at"
        mono
        placeholder={unplaced[0] ?? "/data"}
        value={target}
        onChange={setTarget}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.ctrlKey) return;
          event.preventDefault();
          add();
        }}
      />
      <Button icon={Plus} disabledReason={!ready && "Say where it is seen: /data"} onClick={add}>
        Add
      </Button>
      {unplaced.length > 0 && (
        <p className="mount-adder__declared muted">
          The image keeps{" "}
          {unplaced.map((place) => (
            <Button
              key={place}
              variant="link"
              tip="Mount something else there"
              onClick={() => setTarget(place)}
            >
              {place}
            </Button>
          ))}{" "}
          in a volume without a name, unless something is mounted there.
        </p>
      )}
    </div>
  );
}

/** What of the image's own places no line mounts anything at. */
function unmounted(declared: readonly string[], lines: string): string[] {
  const taken = new Set(
    lines
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("type="))
      .flatMap((line) => {
        try {
          return [parseVolume(line).target.replace(/(.)\/+$/, "$1")];
        } catch {
          return [];
        }
      }),
  );
  return declared.filter((place) => !taken.has(place.replace(/(.)\/+$/, "$1")));
}
