import { quoteShellWords } from "#shared/base/shell-words";
import type { ContainerConfig } from "#shared/contract/containers";
import { flagGroups } from "#shared/run-line/write-run-line";
import { usernsWords } from "#shared/run-line/isolation-flags";

/** What an edited definition has in place of what the container has. */
export interface EditChanges {
  /** In docker's words where it has some. */
  removed: string[];
  added: string[];
  /** `live`: all of it can be changed while it runs. `anew`: only another container can have it. */
  kind: "none" | "live" | "anew";
}

type Key = keyof ContainerConfig;

/** What has calls of its own. */
const live: readonly Key[] = ["name", "limits", "restart"];

export function changesOf(before: ContainerConfig, after: ContainerConfig): EditChanges {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as Key[]);
  const changed = [...keys].filter((key) => plain(before, key) !== plain(after, key));
  const [old, now] = [words(before), words(after)];
  return {
    removed: without(old, now),
    added: without(now, old),
    kind:
      changed.length === 0 ? "none" : changed.every((key) => live.includes(key)) ? "live" : "anew",
  };
}

/** A value to be compared: nothing in it is as good as none of it, but for an entrypoint. */
function plain(config: ContainerConfig, key: Key): string {
  const text = JSON.stringify(config[key], (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, one]) => one !== undefined)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : value,
  );
  return key !== "entrypoint" && (text === "[]" || text === "{}" || text === '""')
    ? ""
    : (text ?? "");
}

/** The flags, and what docker has no flag for. */
function words(config: ContainerConfig): string[] {
  const { imageId, entrypoint, args, runtime, shimGroup, userns } = config;
  return [
    ...flagGroups(config).map(quoteShellWords),
    `image ${imageId.slice(0, 12)}`,
    ...(entrypoint ? [`entrypoint ${quoteShellWords(entrypoint) || "none"}`] : []),
    ...(args.length > 0 ? [`command ${quoteShellWords(args)}`] : []),
    ...(runtime ? [`runtime ${runtime}`] : []),
    ...(shimGroup ? [`shim group ${shimGroup}`] : []),
    ...usernsWords(userns).map((word) => `user namespace ${word}`),
  ];
}

/** Each as often as it is there once more than in the other. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return list.filter((word) => {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
