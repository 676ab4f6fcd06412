import { useMutation } from "@tanstack/react-query";
import { notify } from "../../components/notices.ts";
import { useShell } from "../../queries/client.tsx";
import { useHost } from "../../queries/system.ts";

/** Lets a path of this machine be picked; undefined where the window's host has no picker. `title` is the picker's. */
export function usePickPath(
  title: string,
  onPicked: (path: string) => void,
): ((kind: "file" | "directory") => void) | undefined {
  const shell = useShell();
  const host = useHost();
  const { mutate } = useMutation({
    mutationFn: (kind: "file" | "directory") => shell.call("shell.pickPath", { kind, title }),
    onSuccess: ({ path }) => path !== null && onPicked(path),
    onError: (error) => notify({ tone: "bad", title: "No path could be picked", error }),
  });
  return host?.pickPath ? mutate : undefined;
}
