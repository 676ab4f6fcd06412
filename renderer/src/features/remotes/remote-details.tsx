import { useMemo, useState } from "react";
import type { RemoteContainer, RemoteOwner } from "#shared/contract/remotes";
import { CodeBlock } from "../../components/code-block.tsx";
import { Button } from "../../components/button.tsx";
import { Disclosure } from "../../components/disclosure.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { KeyValue, KeyValues } from "../../components/key-value.tsx";
import { ByteCount, CpuUse, Dash } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { type RemoteUseHistory, useRemoteSpec, useRemoteUse } from "../../queries/remotes.ts";
import { useTerminalsOf } from "../../queries/terminals.ts";
import { openLogs } from "../../state/dock.ts";
import { ProcessRows } from "../container/process-table.tsx";
import { cpuUse } from "../container/process-tree.ts";
import { StatsCharts } from "../stats/stats-view.tsx";
import { TerminalList } from "../terminals/terminal-list.tsx";
import { RemoteCheckpoints } from "./remote-checkpoints.tsx";
import { logNote } from "./remote-state.ts";

type Tab = "overview" | "terminals" | "processes" | "stats" | "checkpoints" | "spec";

/** Everything about a container elsewhere that its containerd tells, and what can be ours in it. */
export function RemoteDetails(props: { container: RemoteContainer; owner: RemoteOwner }) {
  const { container, owner } = props;
  const { id, ref, name, status, attachable } = container;
  const alive = status === "running" || status === "paused";
  const use = useRemoteUse(id, alive);
  const cpu = useMemo(() => {
    const { latest, before } = use;
    if (!latest || !before) return new Map<number, number>();
    return cpuUse(before.processes, latest.processes, (latest.time - before.time) / 1000);
  }, [use]);
  const terminals = useTerminalsOf(ref);
  const [tab, setTab] = useState<Tab>("overview");
  const idle = <p className="dim">{name} is not running.</p>;
  return (
    <div className="remotes__details">
      <Tabs<Tab>
        label={`${name}, details`}
        value={tab}
        onChange={setTab}
        items={[
          {
            value: "overview",
            label: "Overview",
            content: <Overview container={container} owner={owner} use={use} />,
          },
          {
            value: "terminals",
            label: "Terminals",
            count: terminals.length || undefined,
            content: (
              <TerminalList
                elsewhere
                {...{ id: ref, name }}
                running={status === "running"}
                attachReason={
                  !attachable &&
                  "Only one that was started from here, with a terminal, can be attached to"
                }
              />
            ),
          },
          {
            value: "processes",
            label: "Processes",
            content: alive ? (
              <ProcessRows processes={use.latest?.processes ?? []} use={cpu} />
            ) : (
              idle
            ),
          },
          {
            value: "stats",
            label: "Stats",
            content: <StatsCharts id={ref} history={use.history} running={alive} />,
          },
          {
            value: "checkpoints",
            label: "Checkpoints",
            content: <RemoteCheckpoints container={container} owner={owner} />,
          },
          { value: "spec", label: "OCI spec", content: <Spec id={id} /> },
        ]}
      />
    </div>
  );
}

function Overview(props: {
  container: RemoteContainer;
  owner: RemoteOwner;
  use: RemoteUseHistory;
}) {
  const { container, owner, use } = props;
  const { ref, name, containerId, image, runtime, createdAt, exitedAt, labels } = container;
  const names = Object.keys(labels).sort();
  const sample = use.history.at(-1);
  const note = logNote(container, owner);
  return (
    <>
      <KeyValues>
        <KeyValue name="Id" mono copy={containerId}>
          {containerId}
        </KeyValue>
        <KeyValue name="Image" mono>
          {image || <Dash />}
        </KeyValue>
        <KeyValue name="Runtime" mono>
          {runtime}
        </KeyValue>
        <KeyValue name="Created">
          <Moment time={createdAt} />
        </KeyValue>
        {exitedAt !== undefined && (
          <KeyValue name="Exited">
            <Moment time={exitedAt} />
          </KeyValue>
        )}
        {sample && (
          <KeyValue name="Uses">
            <CpuUse value={sample.cpu} />, <ByteCount value={sample.memory} />
            {sample.memoryLimit !== undefined && (
              <>
                {" "}
                of <ByteCount value={sample.memoryLimit} />
              </>
            )}
          </KeyValue>
        )}
        <KeyValue name="Log">
          {note ?? (
            <Button variant="link" onClick={() => openLogs([ref], name)}>
              Show
            </Button>
          )}
        </KeyValue>
      </KeyValues>
      {names.length > 0 && (
        <Disclosure label="Labels" summary={String(names.length)}>
          <KeyValues>
            {names.map((label) => (
              <KeyValue key={label} name={label} mono>
                {labels[label]}
              </KeyValue>
            ))}
          </KeyValues>
        </Disclosure>
      )}
    </>
  );
}

function Spec(props: { id: string }) {
  const { data, error } = useRemoteSpec(props.id);
  if (error) return <ErrorNote error={error} />;
  if (!data) return null;
  if (data.spec === undefined) return <p className="dim">It has none that can be shown.</p>;
  return <CodeBlock text={pretty(data.spec)} label="Copy the spec" />;
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
