import { ChevronDown, ChevronUp, Cpu, ListTree } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Container, ProcessInfo } from "#shared/contract/containers";
import type { AppError } from "#shared/errors";
import { IconButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { exactDuration } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { ByteCount, CpuUse, Dash } from "../../components/quantity.tsx";
import { useClient } from "../../queries/client.tsx";
import { isLasting, keepReading } from "../../queries/keep-reading.ts";
import { cpuUse, type ProcessColumn, processRows, type ProcessSort } from "./process-tree.ts";

const heads: { column: ProcessColumn; label: string; end?: boolean }[] = [
  { column: "pid", label: "Pid" },
  { column: "command", label: "Command" },
  { column: "cpu", label: "CPU", end: true },
  { column: "memory", label: "Memory", end: true },
  { column: "time", label: "CPU time", end: true },
  { column: "threads", label: "Threads", end: true },
  { column: "user", label: "User" },
];

/** What the one-letter states of proc(5) mean. */
const states: Record<string, string> = {
  R: "running",
  S: "sleeping",
  D: "waiting for a device",
  T: "stopped",
  t: "traced",
  Z: "zombie",
  I: "idle",
  X: "dead",
};

/** A container's processes as a tree, or sorted by a column. */
export function ProcessTable(props: { container: Container }) {
  const { id, name, state } = props.container;
  const alive = ["running", "paused", "shim-lost"].includes(state.status);
  const { processes, use, error } = useProcesses(id, alive);
  if (!alive) {
    return (
      <EmptyState icon={Cpu} title="No processes">
        {name} is not running.
      </EmptyState>
    );
  }
  if (!processes) return error ? <ErrorNote className="inspector__note" error={error} /> : null;
  return <ProcessRows processes={processes} use={use} />;
}

/** `use` is CPU by pid. */
export function ProcessRows(props: {
  processes: readonly ProcessInfo[];
  use: ReadonlyMap<number, number>;
}) {
  const { processes, use } = props;
  const [sort, setSort] = useState<ProcessSort>();
  const rows = useMemo(() => processRows(processes, use, sort), [processes, use, sort]);
  const choose = (column: ProcessColumn): void =>
    setSort((before) => {
      if (before?.column !== column)
        return { column, descending: !["pid", "user", "command"].includes(column) };
      return { column, descending: !before.descending };
    });
  return (
    <div className="processes">
      <table>
        <thead>
          <tr>
            {heads.map(({ column, label, end }) => (
              <th
                key={column}
                scope="col"
                data-end={end}
                aria-sort={
                  sort?.column === column
                    ? sort.descending
                      ? "descending"
                      : "ascending"
                    : undefined
                }
              >
                <button type="button" onClick={() => choose(column)}>
                  {label}
                  {sort?.column === column && (
                    <Icon of={sort.descending ? ChevronDown : ChevronUp} size={12} />
                  )}
                </button>
                {column === "command" && sort && (
                  <IconButton
                    size="small"
                    icon={ListTree}
                    label="Show as a tree"
                    onClick={() => setSort(undefined)}
                  />
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="selectable">
          {rows.map(({ process, depth, cpu }) => (
            <tr key={`${process.pid}-${process.startedAt}`}>
              <td
                className="mono"
                title={
                  process.containerPid === undefined
                    ? `${process.pid} on this computer`
                    : `${process.containerPid} in the container, ${process.pid} on this computer`
                }
              >
                {process.pid}
                {process.containerPid !== undefined && (
                  <span className="dim"> {process.containerPid}</span>
                )}
              </td>
              <td className="mono processes__command" title={process.args.join(" ")}>
                <span style={{ paddingLeft: depth * 14 }}>
                  {process.args.join(" ") || <Dash />}
                  {process.role && (
                    <span className="processes__role">{roleWord(process.role)}</span>
                  )}
                  {process.state !== "S" && (
                    <span className="processes__role">
                      {states[process.state] ?? process.state}
                    </span>
                  )}
                </span>
              </td>
              <td data-end>{cpu === undefined ? <Dash /> : <CpuUse value={cpu} />}</td>
              <td data-end>
                <ByteCount value={process.rss} />
              </td>
              <td data-end className="num">
                {exactDuration(process.cpuSeconds * 1000)}
              </td>
              <td data-end className="num">
                {process.threads}
              </td>
              <td className="truncate">{process.user}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Ids of terminals say nothing to a person. */
const roleWord = (role: string): string => (role.startsWith("term-") ? "terminal" : role);

interface Processes {
  processes: ProcessInfo[] | undefined;
  use: ReadonlyMap<number, number>;
  error: AppError | undefined;
}

const nothing: Processes = { processes: undefined, use: new Map(), error: undefined };

/** The table as it is pushed, while this is mounted. */
function useProcesses(id: string, alive: boolean): Processes {
  const client = useClient();
  const [state, setState] = useState(nothing);
  useEffect(() => {
    if (!alive) return undefined;
    const abort = new AbortController();
    let before: { time: number; processes: ProcessInfo[] } | undefined;
    void keepReading((signal) => client.stream("containers.processes", { id }, { signal }), {
      signal: abort.signal,
      take: (item) => {
        const { time, processes } = item;
        const use = before
          ? cpuUse(before.processes, processes, (time - before.time) / 1000)
          : nothing.use;
        before = item;
        setState({ processes, use, error: undefined });
      },
      broken: (error) => {
        // What was known stays while the core is away: the window says so.
        setState((last) => (last.processes && !isLasting(error) ? last : { ...nothing, error }));
        return !isLasting(error);
      },
    });
    return () => abort.abort();
  }, [client, id, alive]);
  return state;
}
