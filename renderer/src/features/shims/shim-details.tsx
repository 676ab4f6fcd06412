import type { Shim, ShimProcess } from "#shared/contract/shims";
import { CodeBlock } from "../../components/code-block.tsx";
import { errorInfo, sentence } from "../../components/error-note.tsx";
import { KeyValue, KeyValues } from "../../components/key-value.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { type MemoryByPid, useShimLog } from "../../queries/shims.ts";
import { containersOf } from "./shim-state.ts";

/** What one needs to look at it with tools of one's own. */
export function ShimDetails(props: { shim: Shim; memory: MemoryByPid }) {
  const { shim, memory } = props;
  const { bundle, address, runtime, processes } = shim;
  const held = containersOf(shim);
  return (
    <div className="shims__details">
      <KeyValues>
        {runtime && (
          <KeyValue name="Runtime" mono copy={runtime.path}>
            {runtime.path} {runtime.version}
          </KeyValue>
        )}
        <KeyValue name="Bundle" mono copy={bundle}>
          {bundle}
        </KeyValue>
        {address && (
          <KeyValue name={shim.kind === "conmon" ? "Control" : "Socket"} mono copy={address}>
            {address}
          </KeyValue>
        )}
        {held.map((containerId) => (
          <KeyValue key={containerId} name="Container" mono copy={containerId}>
            {shim.namespace}/{containerId}
          </KeyValue>
        ))}
      </KeyValues>
      {processes.length > 0 && (
        <table className="shims__processes">
          <thead>
            <tr>
              <th>PID</th>
              <th>Does</th>
              <th className="shims__number">PSS</th>
              <th className="shims__number">RSS</th>
            </tr>
          </thead>
          <tbody>
            {processes.map((process) => (
              <tr key={process.pid}>
                <td className="num mono selectable">{process.pid}</td>
                <td>{duty(process, held.length > 1)}</td>
                <td className="shims__number">
                  <Bytes of={memory[process.pid]?.pss} />
                </td>
                <td className="shims__number">
                  <Bytes of={memory[process.pid]?.rss} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <ShimLog id={shim.id} />
    </div>
  );
}

function Bytes(props: { of: number | undefined }) {
  return props.of === undefined ? <Dash /> : <ByteCount value={props.of} />;
}

function duty({ role, process }: ShimProcess, shared: boolean): string {
  if (role === "shim") return shared ? "Holds the containers" : "Holds the container";
  if (role === "exec") return `Holds the command ${process}`;
  return process === "init"
    ? "Keeps the container's output"
    : `Keeps the output of the command ${process}`;
}

function ShimLog(props: { id: string }) {
  const { data, error } = useShimLog(props.id);
  return (
    <section className="shims__log">
      <h3>Its own log</h3>
      {error ? (
        <p className="dim">{sentence(errorInfo(error).message)}</p>
      ) : (
        data && (
          <>
            <p className="mono dim selectable truncate">
              {data.path}
              {data.truncated && ", its end"}
            </p>
            <CodeBlock text={data.text.trimEnd()} label="Copy the log" />
          </>
        )
      )}
    </section>
  );
}
