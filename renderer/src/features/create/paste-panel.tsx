import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Image } from "#shared/contract/images";
import type { Place } from "#shared/run-line/place";
import { Button } from "../../components/button.tsx";
import { ErrorNote, Notice, sentence } from "../../components/error-note.tsx";
import { Field } from "../../components/fields.tsx";
import { useClient } from "../../queries/client.tsx";
import { useSystem } from "../../queries/system.ts";
import { PathField } from "../fields/path-field.tsx";
import { type Read, readText } from "./definition.ts";
import { type EnvFiles, withEnvFiles } from "./env-files.ts";

/** Reads what was pasted, says what of it is not carried over, and fills the form with the rest. */
export function PastePanel(props: {
  text: string;
  onText: (text: string) => void;
  onFill: (read: Read & { ok: true }) => void;
  onClose: () => void;
  images: readonly Image[];
}) {
  const { text, onText, onFill, onClose, images } = props;
  const client = useClient();
  const [files, setFiles] = useState<EnvFiles>(new Map());
  const reading = useMutation({
    mutationFn: (path: string) => client.call("containers.readEnvFile", { path }),
    onSuccess: (content, path) => setFiles((before) => new Map(before).set(path, content)),
  });
  const [directory, setDirectory] = useState("");
  const place = { ...usePerson(), ...(directory.startsWith("/") ? { directory } : {}) };
  const plain = text.trim() === "" ? undefined : readText(text, place);
  const read = plain?.ok ? withEnvFiles(plain, files) : plain;
  const unread = read?.ok ? read.notes.flatMap(({ envFile }) => envFile ?? []) : [];
  return (
    <section className="paste" aria-label="From a command line or a definition">
      <Field
        label="A docker run or podman run line, or a definition as YAML or JSON"
        error={read && !read.ok ? sentence(read.message) : undefined}
      >
        {(control) => (
          <div className="input input--lines mono">
            <textarea
              {...control}
              // It was just asked for.
              // oxlint-disable-next-line jsx-a11y/no-autofocus
              autoFocus
              spellCheck={false}
              placeholder="docker run -d --name web -p 8080:80 nginx"
              rows={Math.min(10, Math.max(3, text.split("\n").length))}
              value={text}
              onChange={(event) => onText(event.target.value)}
            />
          </div>
        )}
      </Field>
      {plain?.ok && plain.inDirectory && (
        <PathField
          label="The directory that the line would be run in"
          picks="directory"
          pickTitle="Choose the directory that the line would be run in"
          placeholder="/srv/web"
          value={directory}
          onChange={setDirectory}
        />
      )}
      {read?.ok && <Notes read={read} />}
      {unread.map((path) => (
        <Button key={path} busy={reading.isPending} onClick={() => reading.mutate(path)}>
          Read the variables in {path}
        </Button>
      ))}
      {reading.error && <ErrorNote title="They were not read" error={reading.error} />}
      {read?.ok && !imageNamed(read.image, images) && (
        <p className="muted">
          <span className="mono">{read.image}</span> is not here yet: it is pulled when the form is
          filled.
        </p>
      )}
      <div className="paste__foot">
        <Button onClick={onClose}>Leave it</Button>
        <Button
          variant="primary"
          onClick={() => read?.ok && onFill(read)}
          disabledReason={!read?.ok && "There is nothing to fill it from"}
        >
          Fill the form
        </Button>
      </div>
    </section>
  );
}

/** Whose shell would run a line. It is not known of who asks the whole machine's manager. */
function usePerson(): Place {
  const system = useSystem();
  if (!system || system.kind === "service") return {};
  const { home, ...user } = system.user;
  return { home, user };
}

/** What of a line the form does not have, the losses first. */
export function Notes(props: { read: Read & { ok: true } }) {
  const { notes } = props.read;
  if (notes.length === 0) return null;
  const lost = notes.filter((note) => note.lost);
  const vain = notes.filter((note) => !note.lost);
  return (
    <Notice tone={lost.length > 0 ? "warn" : "info"}>
      <ul className="paste__notes" aria-label="Not carried over">
        {[...lost, ...vain].map(({ flag, reason }) => (
          <li key={`${flag} ${reason}`}>
            <code className="mono">{flag}</code> {sentence(reason)}
          </li>
        ))}
      </ul>
    </Notice>
  );
}

/** `nginx` is `nginx:latest`, as docker shows them. */
export function imageNamed(reference: string, images: readonly Image[]): Image | undefined {
  const short = reference.replace(/^(docker\.io\/)?(library\/)?/, "");
  const tagged = /(:[^/]+|@.+)$/.test(short) ? short : `${short}:latest`;
  return images.find(({ names, id }) => names.includes(tagged) || id.startsWith(reference));
}
