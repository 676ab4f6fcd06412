import type { RemoteContainer } from "#shared/contract/remotes";
import { CodeBlock } from "../../components/code-block.tsx";
import { Disclosure } from "../../components/disclosure.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { KeyValue, KeyValues } from "../../components/key-value.tsx";
import { ByteCount, CpuUse, Dash } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { useRemoteSpec, useRemoteUse } from "../../queries/remotes.ts";

export function RemoteDetails(props: { container: RemoteContainer }) {
  const { container } = props;
  const { id, containerId, image, runtime, createdAt, exitedAt, labels, status } = container;
  const use = useRemoteUse(id, status === "running" || status === "paused");
  const names = Object.keys(labels).sort();
  return (
    <div className="remotes__details">
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
        {use && (
          <KeyValue name="Uses">
            {use.cpu === undefined ? <Dash /> : <CpuUse value={use.cpu} />},{" "}
            <ByteCount value={use.memory} />
            {use.memoryLimit !== undefined && (
              <>
                {" "}
                of <ByteCount value={use.memoryLimit} />
              </>
            )}
          </KeyValue>
        )}
      </KeyValues>
      {use && use.processes.length > 0 && (
        <table className="shims__processes">
          <thead>
            <tr>
              <th>PID</th>
              <th>Command</th>
            </tr>
          </thead>
          <tbody>
            {use.processes.map(({ pid, command }) => (
              <tr key={pid}>
                <td className="num mono selectable">{pid}</td>
                <td className="mono selectable">{command || <Dash />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {names.length > 0 && (
        <Disclosure label="Labels" summary={String(names.length)}>
          <KeyValues>
            {names.map((name) => (
              <KeyValue key={name} name={name} mono>
                {labels[name]}
              </KeyValue>
            ))}
          </KeyValues>
        </Disclosure>
      )}
      <Disclosure label="OCI spec">
        <Spec id={id} />
      </Disclosure>
      <p className="dim">
        Terminals, logs and checkpoints are not to be had here yet: for these, use the tools of
        whoever made the container.
      </p>
    </div>
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
