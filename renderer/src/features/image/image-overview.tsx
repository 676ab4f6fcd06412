import { X } from "lucide-react";
import { quoteShellWords } from "#shared/base/shell-words";
import type { Image } from "#shared/contract/images";
import { Button, IconButton } from "../../components/button.tsx";
import { count } from "../../components/format.ts";
import { KeyValue, KeyValues, OneLine } from "../../components/key-value.tsx";
import { Section } from "../../components/page.tsx";
import { PairList, splitVariable } from "../../components/pair-list.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { useImageCommands } from "../images/commands.ts";
import { ReferenceText } from "../images/reference-text.tsx";
import { sourceWords } from "../images/view.ts";

/** What it is, how large, and how it wants to be run. */
export function ImageOverview(props: { image: Image }) {
  const { image } = props;
  const { id, digest, size, own, files, createdAt, addedAt, source, origin, config } = image;
  const labels = Object.entries(config.labels).sort(([a], [b]) => a.localeCompare(b));
  return (
    <div className="inspector__scroll overview">
      <div className="overview__columns">
        <div>
          <Names image={image} />
          <KeyValues>
            <KeyValue name="Id" mono copy={id}>
              <OneLine of={id} />
            </KeyValue>
            <KeyValue name="Digest" mono copy={digest}>
              <OneLine of={digest} />
            </KeyValue>
            <KeyValue name="Files">
              <span className="num">{count(files)}</span>
            </KeyValue>
            <KeyValue name="Created">
              {createdAt > 0 ? <Moment time={createdAt} /> : <Dash />}
            </KeyValue>
            <KeyValue name="Added">
              <Moment time={addedAt} />
              <span className="dim"> · {sourceWords[source]}</span>
            </KeyValue>
            <KeyValue name="From" mono copy={origin}>
              <OneLine of={origin} />
            </KeyValue>
          </KeyValues>
          <SizeBar size={size} own={own} />
        </div>
        <div>
          <RunsAs config={config} />
          <Section title="Environment">
            <PairList pairs={config.env.map(splitVariable)} none="None" />
          </Section>
          <Section title="Labels">
            <PairList pairs={labels} none="None" />
          </Section>
        </div>
      </div>
    </div>
  );
}

function Names(props: { image: Image }) {
  const { id, names } = props.image;
  const commands = useImageCommands();
  return (
    <Section
      title="Names"
      actions={
        <Button variant="link" onClick={() => commands.tag(id)}>
          Add a name
        </Button>
      }
    >
      {names.length === 0 ? (
        <p className="dim">None: its name went to another image, or it never had one.</p>
      ) : (
        <ul className="image-names">
          {names.map((name) => (
            <li key={name}>
              <span className="truncate selectable" title={name}>
                <ReferenceText of={name} />
              </span>
              <IconButton
                size="small"
                icon={X}
                label={`Take ${name} away`}
                onClick={() => commands.untag(id, name)}
              />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** What goes when it goes, and what stays because others have it too. */
function SizeBar(props: { size: number; own: number }) {
  const { size, own } = props;
  return (
    <div className="size-bar">
      <div className="size-bar__head">
        <span className="muted">Size on disk</span>
        <b>
          <ByteCount value={size} />
        </b>
      </div>
      <div className="size-bar__bar" aria-hidden="true">
        <i className="size-bar__own" style={{ flexGrow: own }} />
        <i className="size-bar__shared" style={{ flexGrow: Math.max(0, size - own) }} />
      </div>
      <p className="size-bar__legend muted">
        <span>
          <i className="size-bar__own" aria-hidden="true" /> Its own <ByteCount value={own} />
        </span>
        <span>
          <i className="size-bar__shared" aria-hidden="true" /> Shared{" "}
          <ByteCount value={Math.max(0, size - own)} />
        </span>
      </p>
    </div>
  );
}

function RunsAs(props: { config: Image["config"] }) {
  const { entrypoint, cmd, cwd, user, ports, volumes, stopSignal } = props.config;
  return (
    <Section title="Runs as">
      <KeyValues>
        {entrypoint.length > 0 && (
          <KeyValue name="Entry" mono>
            {quoteShellWords(entrypoint)}
          </KeyValue>
        )}
        <KeyValue name="Command" mono>
          {cmd.length > 0 ? quoteShellWords(cmd) : <span className="dim">none of its own</span>}
        </KeyValue>
        <KeyValue name="User" mono>
          {user || <span className="dim">root</span>}
        </KeyValue>
        <KeyValue name="Directory" mono>
          {cwd || "/"}
        </KeyValue>
        {ports.length > 0 && (
          <KeyValue name="Ports" mono>
            {ports.join(", ")}
          </KeyValue>
        )}
        {volumes.length > 0 && (
          <KeyValue name="Volumes" mono>
            {volumes.join(", ")}
          </KeyValue>
        )}
        {stopSignal && (
          <KeyValue name="Stops on" mono>
            {stopSignal}
          </KeyValue>
        )}
      </KeyValues>
    </Section>
  );
}
