import { FolderOpen } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { TextField, type TextFieldProps } from "../../components/fields.tsx";
import { usePickPath } from "./use-pick-path.ts";

/** What is wrong with a path as one types it. */
export function pathProblem(path: string): string | undefined {
  return path !== "" && !path.startsWith("/") ? "Give the whole path, from / on" : undefined;
}

/** A path of this machine, typed or picked where the window's host can pick. */
export function PathField(
  props: Omit<TextFieldProps, "mono" | "trailing"> & {
    picks: "file" | "directory";
    /** Of the picker: `Choose an archive`. */
    pickTitle: string;
    /** What becomes of what was picked, when it is not the path itself. */
    fromPicked?: (path: string) => string;
  },
) {
  const { picks, pickTitle, fromPicked, error, ...field } = props;
  const pick = usePickPath(pickTitle, (path) =>
    field.onChange(fromPicked ? fromPicked(path) : path),
  );
  return (
    <TextField
      {...field}
      mono
      error={error ?? pathProblem(field.value)}
      trailing={
        pick && (
          <Button variant="link" icon={FolderOpen} onClick={() => pick(picks)}>
            Choose…
          </Button>
        )
      }
    />
  );
}
