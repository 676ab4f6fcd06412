import { useMemo } from "react";
import { quoteShellWords } from "#shared/base/shell-words";
import type {
  Container,
  ContainerConfig,
  ContainerDetail,
  ShimInfo,
} from "#shared/contract/containers";
import { Clamped } from "../../components/clamped.tsx";
import { ErrorNote, Notice, sentence } from "../../components/error-note.tsx";
import { bytes, cpu, joined, plural } from "../../components/format.ts";
import { KeyValue, KeyValues, OneLine } from "../../components/key-value.tsx";
import { PairList, splitVariable } from "../../components/pair-list.tsx";
import { Section } from "../../components/page.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { Moment, Since } from "../../components/since.tsx";
import { useContainerDetail } from "../../queries/containers.ts";
import { historySpan } from "../../queries/stats-store.ts";
import { useHistory } from "../../queries/stats.ts";
import { CheckpointTimeline } from "../checkpoints/checkpoint-timeline.tsx";
import { RunLineView } from "../create/run-line-view.tsx";
import { Area } from "../stats/area.tsx";
import { columns, niceCeiling } from "../stats/series.ts";
import { ContainerNetworks } from "./container-networks.tsx";
import { ContainerVolumes } from "./container-volumes.tsx";
import { HealthCard } from "./health-card.tsx";
import { LimitsEditor } from "./limits-editor.tsx";
import { RestartEditor } from "./restart-editor.tsx";

/** Checkpoints shown here; the tab has all. */
const checkpointsShown = 5;

/** What one wants to know first. */
export function Overview(props: { container: Container }) {
  const { container } = props;
  const { detail, error } = useContainerDetail(container.id);
  const { state, id } = container;
  return (
    <div className="inspector__scroll overview">
      {state.status === "shim-lost" && <ShimLost container={container} />}
      {state.oomKilled && (
        <Notice tone="warn">
          The kernel killed it for want of memory. Raise its memory limit, then start it again.
        </Notice>
      )}
      {detail?.warnings.map((warning) => (
        <Notice key={warning} tone="warn">
          {sentence(warning)}
        </Notice>
      ))}
      {error && <ErrorNote title="Its details can't be read" error={error} />}
      <div className="overview__columns">
        <div>
          <KeyValues>
            <KeyValue
              name="Process"
              mono
              copy={state.pid === undefined ? undefined : String(state.pid)}
            >
              <Clamped key={container.args.join(" ")}>
                {state.pid === undefined ? <Dash /> : state.pid} <span className="dim">·</span>{" "}
                {quoteShellWords(container.args) || (
                  <span className="dim">the image’s command</span>
                )}
              </Clamped>
            </KeyValue>
            <KeyValue name="Shim" mono>
              <Shim shim={detail?.shim} />
            </KeyValue>
            {detail?.config.shimGroup && (
              <KeyValue name="Shim group" mono>
                {detail.config.shimGroup}
              </KeyValue>
            )}
            <KeyValue name="Runtime" mono>
              {detail?.shim ? (
                <span title={detail.shim.runtime.path}>
                  {detail.shim.runtime.name} {detail.shim.runtime.version}
                </span>
              ) : (
                container.runtime
              )}
            </KeyValue>
            <ContainerNetworks container={container} networks={detail?.config.networks} />
            {detail && detail.volumes.length > 0 && <ContainerVolumes volumes={detail.volumes} />}
            <KeyValue name="Created">
              <Moment time={container.createdAt} />
            </KeyValue>
            {state.startedAt !== undefined && (
              <KeyValue name="Started">
                <Moment time={state.startedAt} />
                {container.restartCount > 0 && (
                  <span className="dim"> · restarted {plural(container.restartCount, "time")}</span>
                )}
              </KeyValue>
            )}
            {state.exitedAt !== undefined && (
              <KeyValue name="Exited">
                <Moment time={state.exitedAt} />
                <span className="dim">
                  {" "}
                  · {state.exitCode === undefined ? "status unknown" : `status ${state.exitCode}`}
                </span>
              </KeyValue>
            )}
            <LimitsEditor container={container} />
            <RestartEditor container={container} />
          </KeyValues>
          {(state.status === "running" || state.status === "paused") && (
            <Load container={container} />
          )}
        </div>
        <div>
          <HealthCard container={container} />
          <CheckpointTimeline container={container} most={checkpointsShown} />
          {detail && <Configuration key={id} detail={detail} />}
        </div>
      </div>
    </div>
  );
}

function Shim(props: { shim: ShimInfo | undefined }) {
  const { shim } = props;
  if (!shim) return <Dash />;
  return (
    <span className="overview__parts">
      <span>
        {shim.kind} {shim.version}
      </span>
      {shim.pid !== undefined && <span>{shim.pid}</span>}
      {!shim.alive && <span className="tone--lost">gone</span>}
      {shim.pss !== undefined && (
        <span>
          <ByteCount value={shim.pss} />
        </span>
      )}
      {shim.alive && shim.startedAt !== undefined && (
        <span>
          <Since time={shim.startedAt} />
        </span>
      )}
    </span>
  );
}

function ShimLost(props: { container: Container }) {
  const { name, state } = props.container;
  return (
    <Notice tone="warn" className="overview__lost">
      <p>
        <b>The shim of {name} has gone.</b> It held the container’s output and would have kept its
        exit status: what is written from now on is lost, and how it ends can’t be known.
      </p>
      <p>
        {state.pid === undefined
          ? "Its processes may still run"
          : `Process ${state.pid} may still run`}
        . Stop, kill and delete work. To have a shim again, stop it, then start it.
      </p>
      {state.error && <p className="muted">{sentence(state.error.message)}</p>}
    </Notice>
  );
}

function Load(props: { container: Container }) {
  const { id, limits } = props.container;
  const history = useHistory(id);
  const data = useMemo(() => columns(history), [history]);
  const last = history.at(-1);
  if (!last) return null;
  const end = last.time / 1000;
  // As far back as there is something to see, but no less than a minute.
  const begin = Math.max(end - historySpan / 1000, Math.min(data.times[0] ?? end, end - 60));
  const range = [begin, end] as const;
  const used = joined(cpu(last.cpu));
  const most = Math.max(...history.map((sample) => sample.cpu));
  const memory = joined(bytes(last.memory));
  const { memoryLimit } = last;
  const mostMemory = Math.max(...history.map((sample) => sample.memory));
  return (
    <>
      <div className="overview__chart">
        <span>CPU</span>
        <b className="num">
          {limits.cpus === undefined ? used : `${used} of ${joined(cpu(limits.cpus))}`}
        </b>
      </div>
      <Area
        times={data.times}
        values={data.cpu}
        range={range}
        ceiling={niceCeiling(most, 10, 0.05)}
        label={`CPU, now ${used}`}
      />
      <div className="overview__chart">
        <span>Memory</span>
        <b className="num">
          {memoryLimit === undefined ? memory : `${memory} of ${joined(bytes(memoryLimit))}`}
        </b>
      </div>
      <Area
        times={data.times}
        values={data.memory}
        range={range}
        ceiling={memoryLimit ?? niceCeiling(mostMemory * 1.1, 1024, 1024)}
        label={`Memory, now ${memory}`}
      />
    </>
  );
}

/** How it is stopped and what becomes of it, where that was asked for. */
function Ending(props: { config: ContainerConfig }) {
  const { stopSignal, stopGraceSeconds, autoRemove } = props.config;
  const words = [
    stopSignal && `by ${stopSignal}`,
    stopGraceSeconds !== undefined && `killed after ${stopGraceSeconds} s`,
    autoRemove && "deleted when it has ended",
  ].filter(Boolean);
  if (words.length === 0) return null;
  return <KeyValue name="Stopped">{words.join(", ")}</KeyValue>;
}

function Configuration(props: { detail: ContainerDetail }) {
  const { config, container, bundle, logPath, rootfs, notes } = props.detail;
  const labels = Object.entries(container.labels).sort(([a], [b]) => a.localeCompare(b));
  return (
    <>
      <Section title="Settings">
        <KeyValues>
          {config.entrypoint && (
            <KeyValue name="Entry" mono>
              {quoteShellWords(config.entrypoint) || <span className="dim">none</span>}
            </KeyValue>
          )}
          {config.cwd && (
            <KeyValue name="Directory" mono>
              {config.cwd}
            </KeyValue>
          )}
          {config.user && (
            <KeyValue name="User" mono>
              {config.user}
            </KeyValue>
          )}
          {config.hostname && (
            <KeyValue name="Host name" mono>
              {config.hostname}
            </KeyValue>
          )}
          <Ending config={config} />
          <KeyValue name="Terminal">{container.terminal ? "its own" : "none"}</KeyValue>
          <KeyValue name="Log" mono copy={logPath}>
            <OneLine of={logPath} />
          </KeyValue>
          {bundle && (
            <KeyValue name="Bundle" mono copy={bundle}>
              <OneLine of={bundle} />
            </KeyValue>
          )}
          <KeyValue name="Files" mono copy={rootfs.upper}>
            {rootfs.upper ? <OneLine of={rootfs.upper} /> : rootfs.kind}
          </KeyValue>
          {notes.map((note) => (
            <KeyValue key={note} name="Adjusted">
              <span className="muted">{sentence(note)}</span>
            </KeyValue>
          ))}
        </KeyValues>
      </Section>
      <Section title="Environment">
        <PairList pairs={config.env.map(splitVariable)} none="Only the image’s own" />
      </Section>
      <Section title="Definition">
        <RunLineView draft={config} image={container.image.name} start />
      </Section>
      <Section title="Labels">
        <PairList pairs={labels} none="None" />
      </Section>
    </>
  );
}
